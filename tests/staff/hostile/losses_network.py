"""Connects to a server, asks a name server, and listens for commands."""

import socket
import urllib.request

for how in (
    lambda: urllib.request.urlopen("http://127.0.0.1:1/", timeout=0.2),
    lambda: socket.create_connection(("127.0.0.1", 53), timeout=0.2),
    lambda: socket.getaddrinfo("example.org", 80),
    lambda: socket.create_server(("127.0.0.1", 0)),
):
    try:
        how()
    except OSError:
        continue
    raise RuntimeError("ESCAPED")
