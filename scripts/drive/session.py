"""A person's session: what they do now, and what their page hears. It outlives a lost connection by GRACE seconds."""

import asyncio
import secrets
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from hw1 import exercises
from scripts.drive import scene
from scripts.drive.demonstrate import demonstrate
from scripts.drive.fleet import fleet
from scripts.drive.intervene import intervene
from scripts.drive.paced import Stopped
from scripts.drive.stage import Desk, Memory, Stage
from scripts.drive.trainer import TrainingError
from scripts.drive.watch import saved, watch

GRACE = 30.0  # seconds
WAITING = 200  # messages for a page that reads slowly; while so many wait, it misses ticks and echoes
# What waits for which exercises: the modes, and the warning light of Intervene.
NEEDS = {"intervene": ("1.1", "4.2", "4.3", "4.4"), "fleet": ("1.1", "E.4"), "alarm": ("E.4",)}
# What a page that comes back has to hear again. A new scene makes what was said of the old one void.
SHOWN = ("saved", "report", "rounds", "fleet", "scene", "watch", "tick", "training", "ended")
OF_A_SCENE = ("watch", "tick", "ended", "training")


class Session:
    """Lives in the server's thread; each activity runs in a thread of its own and speaks through `say`."""

    def __init__(self, desk: Desk, on_end: Callable[["Session"], None]):
        self.id, self.desk, self.on_end = secrets.token_hex(16), desk, on_end
        self.memory = Memory()
        self.loop = asyncio.get_running_loop()
        self.stage: Stage | None = None
        self.outbox: asyncio.Queue[dict[str, Any]] | None = None
        """Of the present connection; None while there is none."""
        self.shown: dict[str, dict[str, Any]] = {}
        self.halted: set[str] = set()
        """Why the world stands still: "you", "hidden", "lost"."""
        self.end: asyncio.TimerHandle | None = None
        self.under_way: deque[tuple[Stage, dict[str, Any]]] = deque()
        self.arrives = 0.0
        """When the last of what is under way acts, by the loop's clock."""

    # --- the connection ---
    def connect(self) -> "asyncio.Queue[dict[str, Any]]":
        """A page is there, again; returns what it has to be sent."""
        if self.end:
            self.end.cancel()
        self.outbox = asyncio.Queue()
        hello = {"session": self.id, "worlds": scene.WORLDS, "ways": ["keys", "wheel", "drag"], "waits": waits()}
        self.outbox.put_nowait({"say": "hello", **hello, "policies": self.offered()})
        for what in SHOWN:
            if what in self.shown:
                self.outbox.put_nowait(self.shown[what])
        self.halt("lost", False)
        if self.halted:
            self.outbox.put_nowait({"say": "paused", "why": min(self.halted)})
        return self.outbox

    def disconnect(self) -> None:
        """The page is gone: the world stands still, and waits for it."""
        self.outbox = None
        self.halt("lost", True)
        self.halted.discard("hidden")
        self.end = self.loop.call_later(GRACE, self.close)

    def close(self) -> None:
        """The session is over; what was kept is on the disk."""
        if self.stage:
            self.stage.leave()
        self.stage = None
        self.on_end(self)

    def offered(self) -> list[dict[str, str]]:
        """The saved policies that can be watched."""
        return [about for _, about in saved(self.desk.out).values()]

    # --- what the activity says ---
    def say(self, stage: Stage | None, what: str, **more: Any) -> None:
        """Called from any thread. What an activity that was left says is not passed on."""
        self.loop.call_soon_threadsafe(self._pass_on, stage, {"say": what, **more})

    def _pass_on(self, stage: Stage | None, message: dict[str, Any]) -> None:
        if stage is not None and stage is not self.stage:
            return
        what = message["say"]
        if what == "scene":
            for old in OF_A_SCENE:
                self.shown.pop(old, None)
        if what in SHOWN:
            self.shown[what] = message
        if self.outbox is not None and (what not in ("tick", "echo") or self.outbox.qsize() < WAITING):
            self.outbox.put_nowait(message)

    # --- what the page says ---
    def hear(self, message: dict[str, Any]) -> None:
        do = message["do"]
        if do == "start":
            self.begin(message)
        elif do in ("pause", "resume"):
            self.halt("you", do == "pause")
        elif do == "hidden":
            self.halt("hidden", message["hidden"])
        elif self.stage is not None:
            self._act(self.stage, do, message)

    def _act(self, stage: Stage, do: str, message: dict[str, Any]) -> None:
        if do in ("control", "drag", "hand back", "car"):
            self._delay(stage, message)
        elif do == "latency":
            stage.start |= {"latency": message["ms"], "less": message["less"]}
        elif do == "speed":
            stage.clock.change(factor=float(message["factor"]))
        else:
            if do == "stop":
                self.halted.discard("you")
            stage.ask(message)

    def _delay(self, stage: Stage, message: dict[str, Any]) -> None:
        """What the hands do acts after the latency, and in its order: also if the latency becomes shorter meanwhile."""
        delay = max(stage.start.get("latency", 0) - stage.start.get("less", 0), 0) / 1000
        self.arrives = max(self.loop.time() + delay, self.arrives)
        self.under_way.append((stage, message))
        self.loop.call_at(self.arrives, lambda: self._arrive(*self.under_way.popleft()))

    def _arrive(self, stage: Stage, message: dict[str, Any]) -> None:
        if message["do"] == "hand back":
            stage.person.driving = False
        elif message["do"] == "car":
            stage.person.car, stage.person.driving = message["i"], False
        else:
            self._hold(stage, message)

    def _hold(self, stage: Stage, message: dict[str, Any]) -> None:
        if message["do"] == "drag":
            stage.person.drag(message["e"], message["touch"])
        else:
            stage.person.hold(message["steer"], message["accel"], message["touch"])
        acts = {name: message[name] for name in ("n", "at")} | {
            "steer": stage.person.steer,
            "accel": stage.person.accel,
        }
        self._pass_on(stage, {"say": "echo", **acts})

    def halt(self, why: str, halted: bool) -> None:
        """Let the world stand still for a reason, or no longer for it."""
        before = bool(self.halted)
        (self.halted.add if halted else self.halted.discard)(why)
        if self.stage is not None:
            self.stage.clock.change(paused=bool(self.halted))
        if halted and self.stage is not None:
            self._pass_on(None, {"say": "paused", "why": why})
        elif before and not self.halted:
            self._pass_on(None, {"say": "resumed"})

    # --- activities ---
    def begin(self, start: dict[str, Any]) -> None:
        """A new activity; the one before ends."""
        if self.stage is not None:
            self.stage.leave()
        self.halted &= {"lost", "hidden"}
        for old in ("scene", *OF_A_SCENE):
            self.shown.pop(old, None)
        stage = Stage(start, lambda what, **more: self.say(stage, what, **more), self.desk, self.memory, self.id)
        stage.clock.change(paused=bool(self.halted))
        self.stage = stage
        threading.Thread(target=self._run, args=(stage,), daemon=True, name=f"drive {start['mode']}").start()

    def _run(self, stage: Stage) -> None:
        mode = stage.start["mode"]
        activities: dict[str, Callable[[Stage], None]] = {
            "demonstrate": demonstrate,
            "intervene": intervene,
            "fleet": fleet,
            "watch": lambda stage: watch(stage, saved(self.desk.out)),
        }
        try:
            activities[mode](stage)
        except Stopped:
            pass
        except NotImplementedError as error:
            stage.say("error", text=f"{mode.capitalize()} waits for {where(exercises.unfinished(error))}.")
        except (ValueError, TrainingError, OSError) as error:
            stage.say("error", text=str(error)[:500])
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            stage.say(
                "error", text=f"{mode.capitalize()} has ended with {type(error).__name__}; the terminal says more."
            )


def waits() -> dict[str, str]:
    """By what NEEDS lists: the first exercise that it waits for, with its place."""
    todo = _stubs()
    found = {what: [id for id in needed if id in todo] for what, needed in NEEDS.items()}
    return {what: where(ids[0]) for what, ids in found.items() if ids}


def _stubs() -> dict[str, str]:
    """The exercises that are not done: file and line of each one's first stub."""
    found: dict[str, str] = {}
    for file in exercises.files():
        for number, line in enumerate((exercises.ROOT / file).read_text(encoding="utf-8").splitlines(), start=1):
            if stub := exercises.STUB.search(line):
                found.setdefault(stub[1], f"{file}, line {number}")
    return found


def where(id: str) -> str:
    """An exercise with its place, for people."""
    known = exercises.load().get(id)
    return f"exercise {id} ({_stubs().get(id, known.file)})" if known else "an exercise"
