"""The web server: the page and its files, the socket, and who may connect to them."""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from scripts.drive import report
from scripts.drive.messages import ELSEWHERE, FLOOD, LATE, NO_ACCESS, Reader, Refused
from scripts.drive.session import Session
from scripts.drive.stage import Desk

PAGE = Path(__file__).parent / "page"
HELLO_SECONDS = 5.0
MAX_SESSIONS = 64
LOCAL = {"localhost", "127.0.0.1", "::1"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server:
    """Everybody's sessions. `token` is part of the address; `anywhere`: whether other hosts may connect."""

    def __init__(self, desk: Desk, token: str, anywhere: bool):
        self.desk, self.token, self.anywhere = desk, token, anywhere
        self.sessions: dict[str, Session] = {}
        routes = [
            Route("/", self.page),
            Route("/report.png", self.picture),
            WebSocketRoute("/drive", self.socket),
            Mount("/", StaticFiles(directory=PAGE)),
        ]
        self.app = Starlette(routes=routes)

    def may_connect(self, request: HTTPConnection) -> str:
        """Why not; "" if it may. A page of another site, which knows no token, must not reach this one."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self.anywhere and _name(host) not in LOCAL:
            return "this address is for this machine only"
        if origin is None and isinstance(request, WebSocket):
            return "a page must say where it comes from"
        if origin not in (None, f"http://{host}", f"https://{host}"):
            return "another site's page may not connect"
        given = request.query_params.get("token", "")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "the address lacks the token that the command printed"
        return ""

    async def page(self, request: Request) -> Response:
        if why := self.may_connect(request):
            return PlainTextResponse(f"No access: {why}.\n", 403, HEADERS)
        return FileResponse(PAGE / "index.html", headers=HEADERS)

    async def picture(self, request: Request) -> Response:
        """The report of a session, whose number is secret."""
        session = self.sessions.get(request.query_params.get("session", ""))
        if session is None or not session.memory.driven:
            return PlainTextResponse("There is no report yet.\n", 404, HEADERS)
        picture = await asyncio.to_thread(report.figure, session.memory.driven)
        return Response(picture, media_type="image/png", headers=HEADERS)

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept()
        if why := self.may_connect(socket):
            return await socket.close(NO_ACCESS, why)
        session = sender = None
        try:
            reader = Reader()
            session = await self._hello(socket, reader)
            sender = asyncio.create_task(_send(socket, session.connect()))
            while True:
                session.hear(reader.read(await _text(socket)))
        except Refused as error:
            await _close(socket, error)
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: closed while something was sent
            pass
        finally:
            if sender:
                sender.cancel()
            if session:
                session.disconnect()

    async def _hello(self, socket: WebSocket, reader: Reader) -> Session:
        """The session that the page had, or a new one."""
        try:
            hello = reader.read(await asyncio.wait_for(_text(socket), HELLO_SECONDS))
        except TimeoutError:
            raise Refused(f"no hello within {HELLO_SECONDS:g} seconds", LATE) from None
        known = self.sessions.get(hello["session"])
        if known is not None and known.outbox is not None:
            raise Refused("this session is open in another tab", ELSEWHERE)
        if known is not None:
            return known
        if len(self.sessions) >= MAX_SESSIONS:
            raise Refused(f"{MAX_SESSIONS} people drive already", FLOOD)
        session = Session(self.desk, lambda ended: self.sessions.pop(ended.id, None))
        self.sessions[session.id] = session
        return session

    def close(self) -> None:
        for session in list(self.sessions.values()):
            session.close()
        self.desk.trainer.close()


def _name(host: str) -> str | None:
    """The name in `name:port`; None if it is none."""
    with suppress(ValueError):
        return urlsplit(f"//{host}").hostname
    return None


async def _text(socket: WebSocket) -> str | None:
    """The next message; None if it is no text. Raises WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    return message.get("text")


async def _send(socket: WebSocket, outbox: asyncio.Queue) -> None:
    while True:
        await socket.send_json(await outbox.get())


async def _close(socket: WebSocket, error: Refused) -> None:
    with suppress(RuntimeError):  # it is closed already
        await socket.close(error.code, str(error))
