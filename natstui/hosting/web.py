"""`natstui web`: natstui for browsers on this machine, by textual-serve; each visitor has a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
import secrets
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version

import aiohttp_jinja2
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from natstui.event_log import state_directory
from natstui.hosting.options import Address
from natstui.hosting.session_command import session_command, session_environment
from natstui.stream.sanitise import sanitise

END_WITHIN = 10.0
"""Seconds that a session has to close its connections once its visitor is gone; then it is killed."""
LARGEST_MESSAGE = 1024 * 1024
"""Bytes that a browser may send at once, such as a text that is pasted."""
LARGEST = 1_000
"""Columns, or rows."""
HEARTBEAT = 15.0
"""Seconds between two questions to a silent browser."""
OWN_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))

FOCUS = """\
<script>
  new MutationObserver((_, observer) => {
    const terminal = document.querySelector(".xterm-helper-textarea");
    if (terminal && document.body.classList.contains("-first-byte")) { observer.disconnect(); terminal.focus(); }
  }).observe(document.body, {attributes: true});
</script>
"""
"""Gives the keyboard to natstui once it is there: textual-serve's page waits for a click."""

ELSEWHERE = (
    "natstui web listens on this machine's loopback interface only; from elsewhere use "
    "ssh -L {port}:127.0.0.1:{port} to come here, or natstui serve, which knows who comes in"
)
NO_TOKEN = "Open the address that natstui web printed: it holds the key to this page."
NOT_HERE = "natstui web answers to this machine's own names only, and to its own page only."
FULL = "All sessions are in use: close one, or try again later."


@dataclass(frozen=True)
class WebHosting:
    """What `natstui web` was asked for."""

    address: Address
    max_sessions: int
    arguments: tuple[str, ...]
    """Given to each session's natstui."""


class Visitor(AppService):
    """The natstui of one browser tab; unlike textual-serve's, started without a shell, and ended within bounds."""

    process: Process | None = None
    command_line: tuple[str, ...] = ()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        columns, rows = (str(min(max(value, 1), LARGEST)) for value in (width, height))
        browser = {
            "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TERM_PROGRAM": "textual",
            "TERM_PROGRAM_VERSION": version("textual-serve"),
            "COLUMNS": columns,
            "ROWS": rows,
        }
        directory = state_directory() / "web"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.process = self._process = await asyncio.create_subprocess_exec(
            *self.command_line,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=session_environment(directory, browser),
            cwd=directory,
            start_new_session=True,
        )
        self._stdin = self.process.stdin
        return self.process

    async def run(self) -> None:
        """Carry what natstui writes to the browser; when natstui ends, so does the page's connection."""
        try:
            await super().run()
        finally:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self.remote_close()

    async def on_data(self, payload: bytes) -> None:
        """Read on though nobody looks any more: natstui says goodbye to its servers meanwhile."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await super().on_data(payload)

    async def stop(self) -> None:
        """End natstui, within a deadline."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(super().stop(), END_WITHIN)
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer(Server):
    """textual-serve's server for those who hold the token, on names of the loopback interface only.

    A page of another site could otherwise talk to it: a web socket may be opened from anywhere, and a name may be
    made to point here. So could other users of this machine.
    """

    def __init__(self, hosting: WebHosting) -> None:
        super().__init__("natstui", host=hosting.address.host, port=hosting.address.port, title="natstui")
        self.hosting = hosting
        self.token = secrets.token_urlsafe(32)
        self._visitors: set[Visitor] = set()

    @property
    def _cookie(self) -> str:
        return f"natstui-{self.port}"

    async def make_app(self) -> web.Application:
        """The application, with its guard before every page."""
        app = await self._make_app()
        app.on_startup.clear()
        app.middlewares.append(self._guard)
        app.on_response_prepare.append(self._harden)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        is_own = origin == f"http://{request.host}" if origin or request.path == "/ws" else True
        if _name_of(request.host) not in OWN_NAMES or not is_own:
            return web.Response(status=HTTPStatus.FORBIDDEN, text=NOT_HERE)
        if request.path == "/" and self._is_token(request.query.get("token", "")):
            response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
            response.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict", path="/")
            return response
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return web.Response(status=HTTPStatus.FORBIDDEN, text=NO_TOKEN)
        if request.path in ("/", "/ws") and len(self._visitors) >= self.hosting.max_sessions:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=FULL)
        return await handler(request)

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.token.encode())

    async def _harden(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            f"font-src 'self' data:; img-src 'self' data:; connect-src 'self' ws://{request.host}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page, whose web socket goes to where the page came from, and which asks nobody else for fonts."""
        here = f"http://{request.host}"
        context = {
            "font_size": 16,
            "app_websocket_url": f"ws://{request.host}/ws",
            "config": {"static": {"url": f"{here}/static/"}},
            "application": {"name": self.title},
        }
        page = aiohttp_jinja2.render_string("app_index.html", request, context)
        page = re.sub(r"<link\b[^>]*fonts\.googleapis[^>]*>", "", page).replace("</body>", f"{FOCUS}</body>")
        return web.Response(text=page, content_type="text/html")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One visitor, from the page's opening to its closing."""
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST_MESSAGE)
        visitor = Visitor(
            "",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=websocket.close,  # type: ignore[arg-type]
            download_manager=self.download_manager,
        )
        visitor.command_line = tuple(session_command(self.hosting.arguments))
        self._visitors.add(visitor)
        try:
            await websocket.prepare(request)
            await visitor.start(_cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24))
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError):
                await self._listen(websocket, visitor)
        finally:
            await visitor.stop()
            self._visitors.discard(visitor)
            await websocket.close()
        return websocket

    async def _listen(self, websocket: web.WebSocketResponse, visitor: Visitor) -> None:
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                continue
            kind, *rest = message.json()
            match kind:
                case "stdin":
                    await visitor.send_bytes(rest[0].encode("utf-8"))
                case "resize":
                    await visitor.set_terminal_size(
                        _cells(str(rest[0]["width"]), 80), _cells(str(rest[0]["height"]), 24)
                    )
                case "ping":
                    await websocket.send_json(["pong", rest[0]])
                case "blur":
                    await visitor.blur()
                case "focus":
                    await visitor.focus()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then end every session.

        Raises:
            OSError: it cannot listen there.
        """
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = web.AppRunner(await self.make_app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            address = Address(self.hosting.address.host, self.port)
            print(f"natstui web: open http://{address}/?token={self.token}")
            print("natstui web: whoever has this address has natstui; it is good until this ends", flush=True)
            await stop.wait()
        finally:
            await asyncio.gather(*(visitor.stop() for visitor in list(self._visitors)), return_exceptions=True)
            await runner.cleanup()


def _name_of(host: str) -> str:
    """The host's name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def _cells(text: str | None, default: int) -> int:
    return min(max(int(text), 1), LARGEST) if text and text.isdecimal() else default


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback interface."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve_web(hosting: WebHosting) -> int:
    """Run until stopped; return the exit code."""
    if not is_loopback(hosting.address.host):
        return _refuse(ELSEWHERE.format(port=hosting.address.port))
    logging.getLogger("textual-serve").setLevel(logging.CRITICAL)
    try:
        asyncio.run(WebServer(hosting).run())
    except OSError as error:
        return _refuse(
            f"natstui web: {hosting.address} cannot be listened on ({error.strerror or error}); "
            "give another with --listen"
        )
    return 0


def _refuse(sentence: str) -> int:
    print(sanitise(sentence), file=sys.stderr)
    return 2
