"""Opens sockets of every family, for the network, for local services and for other workers, and pairs without a name."""

import socket

for family in range(46):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {family} {kind}")
try:
    socket.socketpair()
except OSError:
    pass
else:
    raise RuntimeError("ESCAPED socketpair")
