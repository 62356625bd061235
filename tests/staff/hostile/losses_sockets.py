"""Opens sockets of every family, for the network, for local services and for other workers, and pairs without a name."""

import socket

for family in range(46):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {family} {kind}")
# A pair without a name reaches only this process; files cannot be sent through it.
ours, theirs = socket.socketpair()
try:
    socket.send_fds(ours, [b"x"], [1])
except OSError:
    pass
else:
    raise RuntimeError("ESCAPED send_fds")
try:
    ours.connect("/run/systemd/private")
except OSError:
    pass
else:
    raise RuntimeError("ESCAPED connect")
