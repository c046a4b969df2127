"""`natstui web` in a real headless Chromium, and against those who should not get in."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from nats.aio.client import Client

from tests.hosting.browser import CHROMIUM, NO_CHROMIUM, Browser
from tests.hosting.openssh import HOST, processes_of
from tests.servers import NatsServer
from tests.waiting import until, until_sync

Connect = Callable[..., Awaitable[Client]]
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)


class Web:
    """A `natstui web` process."""

    def __init__(self, directory: Path, options: list[str], session: list[str]) -> None:
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "natstui", "web", "--listen", "0", *options, "--", *session],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until_sync(lambda: self.process.poll() is not None or "good until" in self.output, 30, "natstui web listens")
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", self.output)
        assert found, self.output
        self.url, self.port, self.token = found[0], int(found[1]), found[2]

    @property
    def output(self) -> str:
        return self._output.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def marker() -> str:
    """A word in the command line of this test's sessions, by which their processes are found."""
    return f"session-{secrets.token_hex(8)}"


def sessions_of(marker: str) -> list[int]:
    return [pid for pid, line in processes_of(marker).items() if "natstui.hosting.session_process" in line]


@pytest.fixture
def serve(tmp_path: Path, nats_server: NatsServer, marker: str) -> Iterator[Callable[..., Web]]:
    """`serve(*options)`: a started `natstui web`, whose sessions have two panels on `nats_server`."""
    started: list[Web] = []

    def make(*options: str) -> Web:
        session = ["--server", nats_server.url, "--name", marker, "--panel", "publish", "--panel", "subscribe:news"]
        started.append(Web(tmp_path, list(options), session))
        return started[-1]

    yield make
    for one in started:
        one.stop()
    until_sync(lambda: not sessions_of(marker), 20, "no session is left behind")


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with Browser(tmp_path / "browser") as one:
        yield one


@needs_chromium
async def test_a_browser_shows_it_types_into_it_and_resizes_it(
    serve: Callable[..., Web], browser: Browser, nats_server: NatsServer, marker: str, connect: Connect
) -> None:
    web = serve()
    page = await browser.page()
    await page.open(web.url)
    await until(lambda: len(nats_server.connections()) == 2, 60)
    await until(lambda: b"waiting for messages" in page.output, 30)
    focused = "document.activeElement.className.includes('xterm-helper-textarea')"
    await until(lambda: page.evaluate(focused), 30)
    listener = await connect(nats_server.url)
    subscription = await listener.subscribe("typed.>")
    await listener.flush()
    await page.type("typed.here\t\t\tby hand\x13")
    message = await subscription.next_msg(30)
    assert (message.subject, message.data) == ("typed.here", b"by hand")
    await listener.publish("news", b"from elsewhere")
    await until(lambda: b"from elsewhere" in page.output, 30)
    await page.resize(420, 200)
    await until(lambda: b"natstui needs" in page.output, 30)
    # The page asks this server for everything, and no other for anything.
    own = (f"http://127.0.0.1:{web.port}/", f"ws://127.0.0.1:{web.port}/")
    assert page.requested and all(url.startswith((*own, "data:")) for url in page.requested)
    assert not any(web.token in url for url in page.requested if not url.startswith(web.url))
    # Each tab has a process of its own, and takes it along.
    other = await browser.page()
    await other.open(f"http://127.0.0.1:{web.port}/")
    await until(lambda: len(sessions_of(marker)) == 2 and len(nats_server.connections()) == 5, 60)
    await page.close()
    await until(lambda: len(sessions_of(marker)) == 1 and len(nats_server.connections()) == 3, 20)
    # Leaving natstui ends the page's session.
    await until(lambda: other.evaluate(focused), 30)
    await other.type("\x11")
    await until(lambda: other.evaluate("document.body.classList.contains('-closed')"), 30)
    await until(lambda: not sessions_of(marker), 20)
    await other.close()


@needs_chromium
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
async def test_no_session_outlives_the_server(
    serve: Callable[..., Web], browser: Browser, nats_server: NatsServer, marker: str, number: signal.Signals
) -> None:
    web = serve()
    page = await browser.page()
    await page.open(web.url)
    await until(lambda: len(nats_server.connections()) == 2, 60)
    os.kill(web.process.pid, number)
    await until(lambda: not sessions_of(marker) and not nats_server.connections(), 30)
    await until(lambda: web.process.poll() is not None, 30)
    assert web.process.poll() == (0 if number is signal.SIGTERM else -number)


# Those who should not get in


async def _status(web: Web, path: str, **headers: str) -> int:
    cookie = headers.pop("cookie", "")
    jar = {f"natstui-{web.port}": cookie} if cookie else {}
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession(cookies=jar, trust_env=False) as session:
        url = f"http://{HOST}:{web.port}{path}"
        async with session.get(url, headers=own, allow_redirects=False) as response:
            return response.status


async def test_only_who_has_the_token_gets_in(serve: Callable[..., Web], marker: str) -> None:
    web = serve()
    own = f"http://{HOST}:{web.port}"
    for path in ("/", "/ws", "/static/js/textual.js", "/download/x", f"/?token={'x' * 43}", f"/ws?token={web.token}"):
        assert await _status(web, path, Origin=own) == 403
    assert await _status(web, "/", cookie="wrong") == 403
    assert await _status(web, f"/?token={web.token}") == 303
    assert await _status(web, "/", cookie=web.token) == 200
    assert await _status(web, "/static/js/textual.js", cookie=web.token) == 200
    assert not sessions_of(marker)


async def test_pages_of_other_sites_get_nothing(serve: Callable[..., Web], marker: str) -> None:
    web = serve()
    for host in ("evil.example", f"evil.example:{web.port}", f"127.0.0.1.evil.example:{web.port}", "10.0.0.1", ""):
        assert await _status(web, "/", cookie=web.token, Host=host) in (400, 403)
    for origin in ("http://evil.example", "null", f"https://{HOST}:{web.port}", f"http://{HOST}:{web.port + 1}"):
        assert await _status(web, "/ws", cookie=web.token, Origin=origin) == 403
        assert await _status(web, "/", cookie=web.token, Origin=origin) == 403
    assert await _status(web, "/ws", cookie=web.token) == 403
    assert not sessions_of(marker)
    # Through a tunnel the page has another port.
    assert await _status(web, "/", cookie=web.token, Host="localhost:9000") == 200


async def test_the_page_runs_and_loads_nothing_of_others(serve: Callable[..., Web]) -> None:
    web = serve()
    async with (
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        session.get(web.url) as response,
    ):
        assert response.status == 200 and "token" not in str(response.url)
        (cookie,) = response.history[0].cookies.values()
        assert cookie["httponly"] and cookie["samesite"] == "Strict"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert not re.findall(r"https?://(?!127\.0\.0\.1)", (await response.text()).replace("http://www.w3.org", ""))


async def test_there_are_no_more_sessions_than_allowed(
    serve: Callable[..., Web], nats_server: NatsServer, marker: str
) -> None:
    web = serve("--max-sessions", "1")
    headers = {"Origin": f"http://{HOST}:{web.port}"}
    url = f"http://{HOST}:{web.port}/ws?width=100&height=30"
    async with aiohttp.ClientSession(cookies={f"natstui-{web.port}": web.token}, trust_env=False) as session:
        async with session.ws_connect(url, headers=headers) as first:
            await until(lambda: len(nats_server.connections()) == 2, 60)
            assert await _status(web, "/ws", cookie=web.token, Origin=headers["Origin"]) == 503
            assert await _status(web, "/", cookie=web.token) == 503
            # What is no message of the page's ends this session, and nothing else.
            await first.send_str('["resize", "nonsense"]')
            await until(lambda: not sessions_of(marker), 30)
        await until(lambda: not nats_server.connections(), 20)

        async def has_room() -> bool:
            return await _status(web, "/", cookie=web.token) != 503

        await until(has_room, 20)
        async with session.ws_connect(url, headers=headers):
            await until(lambda: len(nats_server.connections()) == 2, 60)
    assert web.process.poll() is None and "Traceback" not in web.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "0.0.0.0:8222"], "loopback"),
        (["--listen", "192.0.2.1"], "natstui serve"),
        (["--listen", "example.org:8222"], "ssh -L 8222:127.0.0.1:8222"),
        (["--listen", "[::]:8222"], "loopback"),
        (["--listen", "{used}"], "cannot be listened on"),
        (["--", "check"], "without the command check"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_served_is_refused_in_one_sentence(arguments: list[str], said: str) -> None:
    with socket.create_server((HOST, 0)) as used:
        words = [word.format(used=f"{HOST}:{used.getsockname()[1]}") for word in arguments]
        result = subprocess.run(
            [sys.executable, "-m", "natstui", "web", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert result.returncode == 2 and result.stdout == ""
    assert said in result.stderr and len(result.stderr.strip().splitlines()) == 1
