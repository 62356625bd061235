"""What a page may say, message by message. Everything else ends its connection, with a reason.

A message is JSON: its number `n`, which rises by one from 0, what to `do`, and the fields that FIELDS lists for that.
"""

import json
import time
from collections.abc import Callable
from typing import Any

MAX_BYTES = 2048
MAX_PER_SECOND = 120  # in the long run
BURST = 1200  # at once: a page sends 60 a second, and a connection that stalls delivers what waited for 20 s together
MALFORMED, NO_ACCESS, LATE, ELSEWHERE, FLOOD = 4400, 4401, 4408, 4409, 4429  # codes with which a connection is closed
MAX_SEED = 2**31 - 1


class Refused(Exception):
    """A message that ends its connection."""

    def __init__(self, reason: str, code: int = MALFORMED):
        super().__init__(reason)
        self.code = code


Check = Callable[[Any], bool]


def number(least: float, most: float) -> Check:
    def check(value: Any) -> bool:
        return type(value) in (int, float) and least <= value <= most  # nan is not

    return check


def whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def one_of(*names: str) -> Check:
    return lambda value: isinstance(value, str) and value in names


def text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 200


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def names(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 2 and all(map(text, value))


def seed(value: Any) -> bool:
    return value is None or whole(0, MAX_SEED)(value)


_horizon, _world = whole(10, 1000), one_of("lane", "fork")
# Milliseconds: what the person chose, and what the page takes anyway, by which the server waits less.
_late, _less = number(0, 500), number(0, 500)
STARTS: dict[str, dict[str, Check]] = {
    "demonstrate": {
        "world": _world,
        "way": one_of("keys", "wheel", "drag"),
        "latency": _late,
        "less": _less,
        "seed": seed,
    },
    "intervene": {
        "world": one_of("lane"),
        "rounds": whole(1, 10),
        "horizon": _horizon,
        "alarm": flag,
        "demonstrations": one_of("own", "scripted"),
        "latency": _late,
        "less": _less,
    },
    "fleet": {"world": one_of("lane"), "gate": one_of("doubt", "never", "random"), "horizon": _horizon},
    "watch": {"world": _world, "policies": names, "seed": seed},
}
_at = number(0, 1e12)
FIELDS: dict[str, dict[str, Check]] = {
    "hello": {"session": text},
    "control": {"steer": number(-1, 1), "accel": number(-1, 1), "touch": flag, "at": _at},
    "drag": {"e": number(-20, 20), "touch": flag, "at": _at},
    "latency": {"ms": _late, "less": _less},
    "car": {"i": whole(0, 2)},
    "seek": {"step": whole(0, 1_000_000)},
    "speed": {"factor": number(0.25, 4)},
    "hidden": {"hidden": flag},
} | {plain: {} for plain in ("hand back", "pause", "resume", "stop", "keep", "discard", "undo", "next")}


class Reader:
    """Reads the messages of one connection."""

    def __init__(self) -> None:
        self.n = 0
        self.allowance, self.heard = float(BURST), time.monotonic()

    def read(self, message: str | bytes | None) -> dict[str, Any]:
        """A message that may be believed. Raises Refused."""
        self._count()
        found = self._json(message)
        if type(found.get("n")) is not int or found["n"] != self.n:
            raise Refused(f"a message has not the number {self.n}, which is the next one")
        if (found.get("do") == "hello") != (self.n == 0):
            raise Refused("the first message, and no other, must be hello")
        self.n += 1
        _check(found)
        return found

    def _count(self) -> None:
        now = time.monotonic()
        self.allowance = min(self.allowance + (now - self.heard) * MAX_PER_SECOND, BURST) - 1
        self.heard = now
        if self.allowance < 0:
            raise Refused(f"more than {BURST} messages at once, or {MAX_PER_SECOND} in a second", FLOOD)

    def _json(self, message: str | bytes | None) -> dict[str, Any]:
        if not isinstance(message, str):
            raise Refused("a message is no text")
        if len(message.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise Refused(f"a message is longer than {MAX_BYTES} bytes")
        try:
            found = json.loads(message)
        except (ValueError, RecursionError):
            raise Refused("a message is no JSON") from None
        if not isinstance(found, dict):
            raise Refused("a message is no JSON object")
        return found


def _check(found: dict[str, Any]) -> None:
    do = found.get("do")
    fields = FIELDS.get(do) if isinstance(do, str) else None
    if do == "start":
        mode = found.get("mode")
        fields = STARTS.get(mode) if isinstance(mode, str) else None
        fields = fields and fields | {"mode": text}
    if fields is None:
        raise Refused("a message asks for something that does not exist")
    if found.keys() != fields.keys() | {"n", "do"}:
        raise Refused(f"a message lacks a field of {do}, or has one too many")
    for name, check in fields.items():
        if not check(found[name]):
            raise Refused(f"{name} has a value that {do} cannot have")
