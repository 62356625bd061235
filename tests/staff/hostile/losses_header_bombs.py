"""Answers with headers that are hard to read: repeated keys, odd numbers, deep nesting, other encodings, huge numbers."""

import os
import struct

DIGITS = b"9" * 4300
HEADS = [
    b'{"status": "ok", "status": ["ok"], "status": {"ok": "ok"}}',
    b'{"status": "error", "line": NaN, "kind": Infinity, "staff": -Infinity}',
    b'{"status": "error", "line": ' + DIGITS + b', "staff": -' + DIGITS[1:] + b', "message": ' + DIGITS + b"}",
    b'{"status": "error", "line": ' + DIGITS + b"9" + b"}",
    b'{"status": "todo", "exercise": ' + b"[" * 30000 + b"]" * 30000 + b"}",
    b'{"status": "todo", "exercise": ' + b'{"a":' * 12000 + b"1" + b"}" * 12000 + b"}",
    '{"status": "ok"}'.encode("utf-16"),
    b'\xef\xbb\xbf{"status": "ok"}',
    b'{"status": "error", "kind": "\\ud800\\udfff", "message": "\\u0000\\ud800", "staff": "\\ud800\\u001b[2J"}',
    b'{"status": "error", "staff": "' + b"\\u001b" * 10000 + b'"}',
    b'{"status": "error", "file": "hw1/losses.py", "line": true, "given": "' + b"." * 60000 + b'"}',
    b"{" + b",".join(b'"%d": 1' % number for number in range(6000)) + b', "status": "missing"}',
]


def answer(number):
    head = HEADS[number % len(HEADS)]
    os.write(3, struct.pack("<II", len(head), 10) + head + struct.pack("<Q", 2) + b"{}")


def mse_loss(predicted, target):
    answer(int.from_bytes(predicted.detach().numpy().tobytes()[:2], "little"))


def gaussian_nll(mean, log_std, action):
    answer(int.from_bytes(mean.detach().numpy().tobytes()[:2], "little"))


answer(os.getpid())
