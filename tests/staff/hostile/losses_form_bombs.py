"""Says that an argument has a wrong form, with odd words in place of the form's, the name's and the shape's."""

import itertools
import json
import os
import struct

PARTS = [
    "",
    "shape",
    "tensor",
    "number",
    "parts",
    "array",
    "field",
    "type",
    "{of}",
    "{0.__class__}",
    "%s",
    "\x1b[2J",
    "=",
    "B=9",
]
PARTS += ["gaussian_nll", "gaussian_nll.forward.mean", "9" * 500, "1,2,3", "B A=1,2", "A" * 10**4, "(" * 5000, ",,,", 7]


def gaussian_nll(mean, log_std, action):
    pick = int.from_bytes(mean.detach().numpy().tobytes()[:4], "little")
    words = list(itertools.islice(itertools.cycle(PARTS), pick % len(PARTS), pick % len(PARTS) + 5))
    head = {"status": "form"} | dict(zip(("form", "of", "got", "shape", "wanted"), words))
    head |= {"form": PARTS[1 + pick % 7]}
    text = json.dumps(head).encode()
    os.write(3, struct.pack("<II", len(text), 10) + text + struct.pack("<Q", 2) + b"{}")
