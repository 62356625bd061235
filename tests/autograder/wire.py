"""The messages between judge and worker: a small JSON header and plain arrays. Never a pickle.

A message is two lengths (header, body), the header as JSON and the arrays as safetensors. The reader trusts nothing:
sizes are limited before anything is read, everything that does not parse is a `WireError`, and a deadline holds even if
the sender stops in the middle of a message.
"""

import json
import math
import socket
import struct
import time

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

LENGTHS = struct.Struct("<II")
MAX_HEADER = 64 * 1024
MAX_BODY = 4 * 1024 * 1024  # ten times the size of the largest right answer
NAMES = struct.Struct("<Q")  # a body begins with the length of its own header: names, dtypes and shapes

Arrays = dict[str, np.ndarray]


class WireError(Exception):
    """What arrived is not a message."""


def send(sock: socket.socket, header: dict, arrays: Arrays | None = None, deadline: float | None = None) -> None:
    """Raises TimeoutError at the deadline, OSError if nobody reads, ValueError if the message is too large."""
    head = json.dumps(header).encode()
    body = save({name: np.asarray(array, order="C") for name, array in (arrays or {}).items()})
    if len(head) > MAX_HEADER or len(body) > MAX_BODY:
        raise ValueError(f"the answer is larger than {MAX_BODY >> 20} MiB")
    sock.settimeout(_left(deadline))
    sock.sendall(LENGTHS.pack(len(head), len(body)) + head + body)


def receive(sock: socket.socket, deadline: float | None = None) -> tuple[dict, Arrays]:
    """The next message. `deadline` in `time.monotonic()` seconds.

    Raises TimeoutError at the deadline, EOFError if the other side has ended, WireError for an invalid message.
    """
    head_size, body_size = LENGTHS.unpack(_read(sock, LENGTHS.size, deadline))
    if head_size > MAX_HEADER or body_size > MAX_BODY:
        raise WireError("the answer is too large")
    head, body = _read(sock, head_size, deadline), _read(sock, body_size, deadline)
    if len(body) < NAMES.size or NAMES.unpack_from(body)[0] > MAX_HEADER:  # for example a million empty arrays
        raise WireError("the answer cannot be read")
    try:
        header, arrays = json.loads(head), load(body)
    except (ValueError, RecursionError, SafetensorError, KeyError, TypeError) as error:
        raise WireError("the answer cannot be read") from error
    if not isinstance(header, dict) or any(map(_too_large, arrays.values())):
        raise WireError("the answer cannot be read")
    return header, dict(sorted(arrays.items()))


def _too_large(array: np.ndarray) -> bool:
    """Whether the shape is larger than a message. An empty array such as `[2**40, 0]` costs nothing to send."""
    return math.prod(max(size, 1) for size in array.shape) > MAX_BODY


def _read(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        sock.settimeout(_left(deadline))
        try:
            piece = sock.recv(min(size - len(data), 1 << 20))
        except ConnectionError as error:
            raise EOFError from error
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _left(deadline: float | None) -> float | None:
    """Seconds to the deadline. Raises TimeoutError if it has passed."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
