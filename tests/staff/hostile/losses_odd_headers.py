"""Answers whose headers contain lists, tables, numbers and strange texts instead of words."""

import json
import os
import struct

ODD = [[], {}, [[[]]], None, 1e400, 10**300, True, "\ud800\u202e\x00", "../../etc/passwd", "1.3", "constructor"]


def gaussian_nll(mean, log_std, action):
    pick = int(mean.sum().abs() * 1000)
    odd = ODD[pick % len(ODD)]
    head = {"status": ["todo", "error", "missing"][pick % 3]}
    head |= dict.fromkeys(("exercise", "kind", "message", "file", "line", "importing", "answer"), odd)
    text, body = json.dumps(head).encode(), struct.pack("<Q", 2) + b"{}"
    os.write(3, struct.pack("<II", len(text), len(body)) + text + body)
