"""Sends data out of band, on its pair of sockets and to the judge: old and rarely used parts of the kernel."""

import socket

ours, theirs = socket.socketpair()
judge = socket.socket(fileno=3)
try:
    for sock in (ours, judge):
        for how in (
            lambda sock=sock: sock.send(b"x", socket.MSG_OOB),
            lambda sock=sock: sock.send(b"x", socket.MSG_OOB | socket.MSG_DONTWAIT),
            lambda: theirs.recv(1, socket.MSG_OOB | socket.MSG_DONTWAIT),
        ):
            try:
                how()
            except PermissionError:
                continue
            except OSError as error:
                raise RuntimeError(f"ESCAPED {error}") from None
            raise RuntimeError("ESCAPED")
finally:
    judge.detach()
