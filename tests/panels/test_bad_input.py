"""Whatever a message holds: through a real server into the list, the message whole, the filter, a copy and a file."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from natstui.app import NatstuiApp
from natstui.panels.subscribe import SubscribePanel
from natstui.screens.message_detail import MessageDetail
from natstui.screens.save_messages import SaveMessages
from natstui.widgets.field import Field
from natstui.widgets.filter_bar import FilterBar
from tests.dashboards import (
    make_app,
    press_at_once,
    publish_panel,
    screen_text,
    subscribe_panel,
    until_connected,
)
from tests.servers import NatsServer
from tests.waiting import until

MB = 1024 * 1024
LARGEST = 64 * MB
PATIENCE = 3.0
"""Seconds that nothing may hold the event loop for, on a machine that does other things as well."""

MANY_HEADERS = b"NATS/1.0\r\n" + b"".join(b"Key-%d: \x1b[2J[/x] \xff value\r\n" % n for n in range(10_000)) + b"\r\n"
MESSAGES: dict[str, tuple[bytes, bytes, bytes]] = {
    "nothing": (b"bad.empty", b"", b""),
    "not UTF-8": (b"bad.\xff\xfe\x80", b"\xff\xfe" * 200 + b"\xc3", b""),
    "escape codes": (b"bad.\x1b[31m", b"\x1b[2J\x1b]0;owned\x07\x9b31m\x1bP\x1b\\" * 20, b""),
    "every control": (b"bad.\x01\x7f", bytes(range(32)) + b"\x7f\xc2\x80\xc2\x9f", b""),
    "markup": (b"bad.[/nope]", b"[/nope][bold]x[/][@click=app.quit]y[/]", b"NATS/1.0\r\n[/x]: [/y]\r\n\r\n"),
    "right to left": ("bad.שלום".encode(), "\u202eabc\u202c שלום مرحبا ".encode() * 30, b""),
    "wide": ("bad.注文".encode(), "注文受付👩‍👩‍👧‍👦🇩🇪👍🏽".encode() * 40, b""),
    "marks": (b"bad.zalgo", ("e" + "\u0301\u0323" * 60 + "\u200b\u200d\ufeff\u115f").encode() * 20, b""),
    "long subject": (b"bad." + b"x" * 4_000, b"long", b""),
    "many headers": (b"bad.headers", b"{}", MANY_HEADERS),
    "one line": (b"bad.line", b'{"a": "' + b"x" * (MB - 9) + b'"}', b""),
    "deep": (b"bad.deep", b"[" * 200_000 + b"]" * 200_000, b""),
    "digits": (b"bad.digits", b'{"total": ' + b"9" * 100_000 + b"}", b""),
}


def publish(server: NatsServer, *messages: tuple[bytes, bytes, bytes]) -> None:
    """Publish with no client in between that would refuse; until the server has them all."""
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        answers = link.makefile("rb")
        answers.readline()
        link.sendall(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
        for subject, payload, block in messages:
            if block:
                sizes = b"%d %d" % (len(block), len(block) + len(payload))
                link.sendall(b"HPUB %b %b\r\n%b%b\r\n" % (subject, sizes, block, payload))
            else:
                link.sendall(b"PUB %b %d\r\n%b\r\n" % (subject, len(payload), payload))
        link.sendall(b"PING\r\n")
        line = answers.readline()
        while line != b"PONG\r\n":
            assert line and not line.startswith(b"-ERR"), line
            line = answers.readline()


@asynccontextmanager
async def never_stalled() -> AsyncIterator[None]:
    """Fails where something holds the event loop for longer than PATIENCE."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - asked)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
    assert longest < PATIENCE, f"the event loop stood still for {longest:.1f} s"


def assert_aligned(app: NatstuiApp) -> None:
    """Every line fills the screen's width and holds nothing that drives a terminal."""
    for line in screen_text(app).splitlines():
        assert cell_len(line) == app.size.width, line
        assert line.isprintable(), ascii(line)


async def use_everything(app: NatstuiApp, pilot: Pilot[Any], directory: Path) -> None:
    """Look at the newest message in every way there is."""
    panel = subscribe_panel(app)
    for _ in range(2):
        await press_at_once(pilot, "c")
        assert_aligned(app)
    await press_at_once(pilot, "m", "t", "t", "m", "G", "enter")
    await until(lambda: isinstance(app.screen, MessageDetail) and app.screen.focused is not None)
    for key in ("j", "t", "x", "h", "end", "y"):
        await press_at_once(pilot, key)
        assert_aligned(app)
    await press_at_once(pilot, "s")
    name = directory / f"payload-{panel.ring.received}"
    await until(lambda: app.screen.focused is app.screen.query_one("#save-as"))
    app.screen.query_one("#save-as", Field).value = str(name)
    await press_at_once(pilot, "enter")
    newest = panel.ring[panel.ring.end - 1]
    assert isinstance(newest, tuple)
    await until(lambda: name.exists() and name.stat().st_size == len(newest[2]), 20)
    await press_at_once(pilot, "escape", "escape")
    await until(lambda: app.screen is app.dashboard)
    bar = panel.query_one(FilterBar)
    await press_at_once(pilot, "slash")
    await until(lambda: bar.query_one(Field).has_focus)
    for expression in ("/(x+x+)+y/ or x", ".total > 100 or header:Key-7", "not bad.*"):
        bar.query_one(Field).value = expression
        await pilot.pause()
        await until(lambda: not panel.messages.view.pending, 20)
        await pilot.pause()
        assert_aligned(app)
    await press_at_once(pilot, "escape", "up", "shift+up", "y", "Y", "w")
    await until(lambda: isinstance(app.screen, SaveMessages) and app.screen.focused is not None)
    lines = directory / f"lines-{panel.ring.received}"
    app.screen.query_one(Field).value = str(lines)
    await press_at_once(pilot, "enter")
    await until(lambda: app.screen is app.dashboard, 20)
    for line in lines.read_bytes().splitlines():
        assert line.isascii() and json.loads(line)["subject"]
    await press_at_once(pilot, "G")
    await until(lambda: panel.messages.following)


def _received(panel: SubscribePanel, count: int) -> bool:
    return panel.ring.received == count


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_no_message_breaks_what_shows_it(nats_server: NatsServer, size: tuple[int, int]) -> None:
    app = make_app(nats_server.url, "subscribe:bad.>")
    async with app.run_test(size=size) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        async with never_stalled():
            for number, message in enumerate(MESSAGES.values(), 1):
                await asyncio.to_thread(publish, nats_server, message)
                await until(partial(_received, panel, number))
                panel.refresh_body()
                await pilot.pause()
                assert_aligned(app)
        assert [record[2] for record in panel.ring if isinstance(record, tuple)] == [
            payload for _, payload, _ in MESSAGES.values()
        ]
        assert panel.connection is not None and panel.connection.stats().is_connected


@pytest.mark.parametrize("name", MESSAGES)
async def test_each_message_is_looked_at_in_every_way(nats_server: NatsServer, tmp_path: Path, name: str) -> None:
    app = make_app(nats_server.url, "subscribe:bad.>")
    async with app.run_test(size=(100, 30)) as pilot:
        await until_connected(app)
        async with never_stalled():
            await asyncio.to_thread(publish, nats_server, MESSAGES[name], MESSAGES[name])
            await until(lambda: subscribe_panel(app).ring.received == 2)
            subscribe_panel(app).refresh_body()
            await use_everything(app, pilot, tmp_path)


async def test_a_payload_of_the_largest_that_any_server_takes(
    nats_server_factory: Callable[..., NatsServer], tmp_path: Path
) -> None:
    server = nats_server_factory(max_payload=LARGEST, max_pending=2 * LARGEST)
    app = make_app(server.url, "subscribe:bad.>")
    async with app.run_test(size=(100, 30)) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        async with never_stalled():
            payload = b'{"total": 5, "rest": "' + b"x" * (LARGEST - 24) + b'"}'
            assert len(payload) == LARGEST
            await asyncio.to_thread(publish, server, (b"bad.largest", payload, b""))
            await until(lambda: panel.ring.received == 1, 20)
            panel.refresh_body()
            await use_everything(app, pilot, tmp_path)


async def test_a_pasted_megabyte_of_subject_leaves_room_to_say_what_is_wrong_with_it(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        panel.query_one("#subject", Field).value = "a b" + "x" * MB
        await pilot.press("f5")
        await until(lambda: "holds white space" in screen_text(app))
