"""A person at the wheel: demonstrate, intervene, look after a fleet and watch, in the browser.

    python -m scripts.drive                        prints an address; open it in a browser on this machine
    python -m scripts.drive --host 0.0.0.0         for a phone in the same network: who has the address may drive
    ssh -L 8000:localhost:8000 HOST                beforehand, if the command runs on another machine

Demonstrations are Minari datasets in OUT/datasets, saved episode by episode; `python -m scripts.train --dataset NAME
--datasets OUT/datasets` clones them. The policies of each round of interventions are in OUT/policies.
"""

import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.command import UserError, ended, read_options, require_folder, require_whole

MISSING = "{} is missing; install what this page needs with `python -m pip install -r requirements.txt`"


@dataclass(frozen=True)
class Options:
    """Where the page is, and where its data goes."""

    host: str = "127.0.0.1"
    """The address to listen on; any other than this machine's own lets other hosts connect, with the printed token."""
    port: int = 8000
    """The port; 0 takes a free one."""
    out: Path = Path("out/drive")
    """The folder for datasets and policies."""
    steps: int = 600
    """Gradient steps of a policy between two rounds."""


def main(arguments: list[str]) -> int:
    return ended(lambda: run(read_options(Options, arguments, "scripts.drive", __doc__)))


def run(options: Options) -> None:
    require_whole("--port", options.port, 0, 65_535)
    require_whole("--steps", options.steps, 1, 1_000_000)
    require_folder("--out", options.out)
    listening = listen(options.host, options.port)
    try:
        import uvicorn

        from scripts.drive.server import LOCAL, Server
        from scripts.drive.stage import Desk
        from scripts.drive.trainer import Trainer
    except ModuleNotFoundError as error:
        raise UserError(MISSING.format(error.name)) from None
    import torch

    torch.set_num_threads(1)
    token = secrets.token_urlsafe(16)
    server = Server(Desk(options.out, Trainer(options.steps)), token, anywhere=options.host not in LOCAL)
    port = listening.getsockname()[1]
    print(f"open http://{name_of(options.host)}:{port}/?token={token}", flush=True)
    print("Ctrl-C ends it; what was kept is in", options.out / "datasets", flush=True)
    # Compressing a tick takes longer than sending it on this machine.
    sockets = {"ws": "websockets-sansio", "ws_max_size": 64 * 1024, "ws_per_message_deflate": False}
    config = uvicorn.Config(server.app, log_level="warning", lifespan="off", **sockets)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        server.close()


def name_of(host: str) -> str:
    """What stands for `host` in an address that a browser can open, on this machine or on a phone."""
    if host in ("127.0.0.1", "::1", "localhost"):
        return "localhost"
    if host not in ("0.0.0.0", "::", ""):
        return f"[{host}]" if ":" in host else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; says by which address this machine would be reached
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def listen(host: str, port: int) -> socket.socket:
    """Raises UserError if nobody can listen there."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise UserError(f"--host {host} is no address of this machine; leave it out, or give 0.0.0.0") from None
    listening = socket.socket(family, kind, number)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        raise UserError(
            f"--port {port} cannot be used ({error.strerror}); give another one, or 0 for a free one"
        ) from None
    return listening


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
