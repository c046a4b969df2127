"""No payload, subject, header or server text reaches the terminal as anything but text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from natstui.connection import ConnectionManager, ConnectOptions, ManagedConnection
from tests.faults import Peer, Script, ScriptedServer
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until

HOSTILE = {
    "title": b"\x1b]0;PWNED\x07",
    "clipboard": b"\x1b]52;c;UFdORUQ=\x07",
    "hyperlink": b"\x1b]8;;http://PWNED\x1b\\click\x1b]8;;\x1b\\",
    "clear": b"\x1b[2J\x1b[7777;7777H",
    "eight bit": b"\x9b7777n\x9d0;PWNED\x9c",
    "c1 in utf-8": "\x9b7777n\x9d0;PWNED\x9c\x90PWNED\x9c".encode(),
    "device control": b"\x1bP7777qPWNED\x1b\\",
    "reset": b"\x1bc\x0e\x0f",
    "private": b"\x1b_PWNED\x1b\\\x1b^PWNED\x1b\\",
    "keyboard": b"\x1b[>7777u\x1b[?7777h",
    "overstrike": b"safe\b\b\b\bEVIL\r\n\x0b\x0c\x7f",
    "bidi": "\u202eDENWP\u2066\u200b\ufeff".encode(),
    "markup": b"[/x][bold red on blink]PWNED[/]",
    "invalid": b"\xff\xfe\xc3(\xed\xa0\x80",
    "long line": b"x" * 900_000 + b"\x1b]0;PWNED\x07",
    "json": b'{"a": "\x1b]0;PWNED\x07", "b": "\\u001b]0;PWNED\\u0007"}',
}

INJECTED = [
    rb"\x1b\][^\x07\x1b]*PWNED",
    rb"\x1b\]52;",
    rb"\x1b\]8;;http://PWNED",
    rb"\x1b\[[>?]?7777",
    rb"\x1bP7777",
    rb"\x1b[_^]PWNED",
    rb"\x1bc",
    rb"\x9b7777|\xc2[\x80-\x9f]",
    rb"[\x07\x08\x0b\x0c\x7f]",
]
BIDI = ("\u202e".encode(), "\u2066".encode(), "\u200b".encode(), "\ufeff".encode())


TEXTUALS_OWN = re.compile(rb"\x1b\]22;[a-z-]*\x07")
"""Textual sets the shape of the mouse pointer."""


def _injected(output: bytes) -> list[bytes]:
    output = TEXTUALS_OWN.sub(b"", output)
    found = [
        output[max(0, match.start() - 20) : match.end() + 20]
        for pattern in INJECTED
        for match in re.finditer(pattern, output)
    ]
    return found + [sequence for sequence in BIDI if sequence in output]


async def test_no_message_sends_an_escape_sequence_to_the_terminal(
    nats_server: NatsServer,
) -> None:
    async with ConnectionManager() as manager:
        publisher = manager.add(ConnectOptions(servers=nats_server.url))
        await _receive_everything(nats_server, publisher)


async def _receive_everything(nats_server: NatsServer, publisher: ManagedConnection) -> None:
    with Terminal(["--server", nats_server.url, "--panel", "subscribe:>", "--panel", "request:svc.evil"]) as terminal:
        await until(lambda: b"connected" in terminal.output, 30)
        await until(lambda: any(c["subscriptions"] for c in nats_server.connections()), 30)
        for name, payload in HOSTILE.items():
            subject = "evil." + name.replace(" ", "-") + ".\x1b]0;PWNED\x07\x9b7777n"
            headers = {"X": payload.decode("utf-8", "replace").replace("\r", " ").replace("\n", " ")[:2_000]}
            await publisher.publish(subject, payload, headers=headers)
        await publisher.publish("evil.last", b"THE-LAST-ONE")
        await until(lambda: b"THE-LAST-ONE" in terminal.output, 30)
        # Every message whole, in each view of the detail screen; then help, events, connections.
        terminal.type("\x1b[A" * 3)
        terminal.type("\r")
        await until(lambda: b"payload" in terminal.output, 30)
        for _ in HOSTILE:
            terminal.type("pjtx")
        terminal.type("\x1b")
        assert _injected(terminal.output) == []
        terminal.type("\x11")
        assert terminal.ended() == 0
        assert _injected(terminal.output) == []
        assert b"Traceback" not in terminal.output


ScriptedServerFactory = Callable[[Script], Awaitable[ScriptedServer]]


async def _hostile_script(peer: Peer) -> None:
    await peer.send_info(server_name="\x1b]0;PWNED\x07", version="\x1b[7777n", cluster="\x9b7777n")
    await peer.expect(b"CONNECT")
    await peer.expect(b"PING")
    await peer.send(b"PONG\r\n-ERR '\x1b]0;PWNED\x07 \x9b7777n [/x]'\r\n")
    await peer.serve()


@pytest.mark.parametrize("command", [["check"], ["events"], ["stats"]], ids=lambda command: command[0])
async def test_a_hostile_server_cannot_write_to_the_terminal_of_a_command(
    scripted_server: ScriptedServerFactory, command: list[str]
) -> None:
    server = await scripted_server(_hostile_script)
    with Terminal([*command, "--server", server.url]) as terminal:
        await until(lambda: terminal.process.poll() is not None or len(terminal.output) > 100, 30)
        if terminal.process.poll() is None:
            terminal.process.terminate()
        await until(lambda: terminal.process.poll() is not None, 30)
        terminal.ended()
        assert terminal.output
        assert _injected(terminal.output) == []
        assert b"Traceback" not in terminal.output


async def test_a_hostile_server_cannot_write_to_the_dashboards_terminal(
    scripted_server: ScriptedServerFactory,
) -> None:
    server = await scripted_server(_hostile_script)
    with Terminal(["--server", server.url, "--panel", "publish:a"]) as terminal:
        await until(lambda: b"connected" in terminal.output, 30)
        terminal.type("\x1bOQ")
        await until(lambda: b"server_version" in terminal.output, 30)
        terminal.type("\x1b\x1bOR")
        await until(lambda: b"server error" in terminal.output, 30)
        assert _injected(terminal.output) == []
        terminal.type("\x11")
        await until(lambda: terminal.process.poll() is not None, 30)
        assert b"Traceback" not in terminal.output


def test_without_a_terminal_it_says_so_in_one_sentence() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "natstui"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1 and "ssh -t" in result.stderr
    assert "\x1b" not in result.stderr
