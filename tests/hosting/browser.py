"""A real headless Chromium for tests, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.waiting import until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_CHROMIUM = "no Chromium: install Debian's chromium"
# The tests may run as root, in a container without a network but the loopback.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-port=0",
    "--window-size=1200,800",
)
START_TIMEOUT = 60.0


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requested: list[str] = []
        """Every URL that the page asked for, web sockets included."""
        self.output = bytearray()
        """What came to the page's terminal."""
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            data = message.json()
            if (answer := self._answers.pop(data.get("id", 0), None)) is not None and not answer.done():
                answer.set_result(data)
            elif data.get("method") == "Network.requestWillBeSent":
                self.requested.append(data["params"]["request"]["url"])
            elif data.get("method") == "Network.webSocketCreated":
                self.requested.append(data["params"]["url"])
            elif data.get("method") == "Network.webSocketFrameReceived":
                frame = data["params"]["response"]
                if frame["opcode"] == 2:
                    self.output += base64.b64decode(frame["payloadData"])

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], 30)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, url: str) -> None:
        """Go to a page."""
        for domain in ("Page", "Runtime", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression is worth."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    async def type(self, text: str) -> None:
        """Press a key for each character; a tab and control characters are the keys that make them."""
        for character in text:
            key: dict[str, Any] = {"key": character, "text": character}
            if character == "\t":
                key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
            elif character < " ":
                letter = chr(ord(character) + 96)
                key = {"key": letter, "code": f"Key{letter.upper()}", "windowsVirtualKeyCode": ord(letter.upper())}
                key["modifiers"] = 2
            await self.call("Input.dispatchKeyEvent", type="keyDown", **key)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    async def resize(self, width: int, height: int) -> None:
        """Change the size of the page, in pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def close(self) -> None:
        """Close the tab."""
        with contextlib.suppress(Exception):
            await self.call("Page.close")
        self._reader.cancel()
        await self._socket.close()


class Browser:
    """A Chromium process with a profile of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._log = directory / "chromium.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._url = ""

    async def __aenter__(self) -> Self:
        assert CHROMIUM is not None
        profile = self._directory / "profile"
        profile.mkdir(parents=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ports = profile / "DevToolsActivePort"
        await until(lambda: ports.exists() and len(ports.read_text().split()) == 2, START_TIMEOUT, "Chromium starts")
        self._url = f"http://127.0.0.1:{ports.read_text().split()[0]}"
        self._session = aiohttp.ClientSession(trust_env=False)
        return self

    async def page(self) -> Page:
        """A new tab."""
        assert self._session is not None
        async with self._session.put(f"{self._url}/json/new?about:blank") as response:
            target = await response.json()
        return Page(await self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, 20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
