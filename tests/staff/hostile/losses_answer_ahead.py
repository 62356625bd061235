"""Answers all later requests in advance, and repeats the request instead of an answer."""

import os
import struct

HEADS = [b'{"status": "ok"}', b'{"status": "missing"}', b'{"probe": "1.3.1"}', b'{"import": "../../etc/passwd"}']
for head in HEADS * 8:
    os.write(3, struct.pack("<II", len(head), 10) + head + struct.pack("<Q", 2) + b"{}")
