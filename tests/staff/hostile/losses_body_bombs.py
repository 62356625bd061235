"""Answers with arrays whose description contradicts itself, or is larger than what is sent."""

import json
import os
import struct

HEAD = b'{"status": "ok"}'
KINDS = ["F32", "F64", "BOOL", "C64", "BF16", "F16", "F8_E5M2", "F4", "I64", "U8", "", "O", "\ud800"]
SHAPES = [[], [0], [2**40, 0], [2**63], [-1], [1] * 70, [0] * 5000, [1.5], [True], None, "1", [2**31, 2**31], [1] * 33]
ENDS = [[0, 4], [4, 0], [0, 2**63], [-4, 0], [0, 0], [0, 8], [2**64 - 4, 2**64]]


def gaussian_nll(mean, log_std, action):
    pick = int.from_bytes(mean.detach().numpy().tobytes()[:4], "little")
    one = {"dtype": KINDS[pick % 13], "shape": SHAPES[pick // 13 % 13], "data_offsets": ENDS[pick // 169 % 7]}
    table = json.dumps({"loss": one, "__metadata__": {"passed": "yes"}}).encode()
    table = table[:-1] + b', "loss": ' + json.dumps(one).encode() + b"}"
    body = struct.pack("<Q", len(table)) + table + bytes(8)
    os.write(3, struct.pack("<II", len(HEAD), len(body)) + HEAD + body)
