"""A header nested so deeply that a parser overflows, one with enormous numbers, and some that are not objects."""

import os
import struct

state = {"call": 0}
HEADS = [b"[" * 60_000, b'{"status": ' + b"9" * 60_000 + b"}", b"[]", b'{"status": {"ok": "ok"}}', b"null", b"\xff\xfe"]


def gaussian_nll(mean, log_std, action):
    head = HEADS[(len(mean) + int(mean.sum().abs() * 1000)) % len(HEADS)]
    body = struct.pack("<Q", 2) + b"{}"
    os.write(3, struct.pack("<II", len(head), len(body)) + head + body)
