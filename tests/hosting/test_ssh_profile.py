"""The SSH profile: on by itself, thrifty when idle, and usable over 300 ms and 10 kB/s."""

from __future__ import annotations

import asyncio
import collections
import os
import re
import select
import time
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client

from tests.hosting.display import PATIENCE, Display
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until, until_sync

Connect = Callable[..., Awaitable[Client]]
OVER_SSH = {"SSH_CONNECTION": "203.0.113.7 50122 198.51.100.1 22"}
PANELS = ("subscribe:orders.>", "publish", "request:svc.echo", "subscribe:metrics.*")
IDLE_BYTES = 500
"""Bytes a second that are promised at most when idle with four panels."""
RATE, ONE_WAY = 10_000, 0.15
"""Bytes a second, and seconds that everything takes each way."""


def arguments(server: NatsServer, *more: str) -> list[str]:
    return ["--server", server.url, *(word for panel in PANELS for word in ("--panel", panel)), *more]


def four_connected(server: NatsServer, others: int = 0) -> None:
    until_sync(lambda: len(server.connections()) == len(PANELS) + others, PATIENCE, "four panels connected")


MOUSE = re.compile(rb"\x1b\[\?100[0236]h")


@pytest.mark.parametrize(
    ("environment", "flags", "is_on"),
    [(OVER_SSH, [], True), (OVER_SSH, ["--no-ssh-profile"], False), ({}, [], False), ({}, ["--ssh-profile"], True)],
    ids=["ssh", "ssh, off by flag", "here", "here, on by flag"],
)
def test_no_mouse_is_tracked_over_ssh(
    nats_server: NatsServer, environment: dict[str, str], flags: list[str], is_on: bool
) -> None:
    with Terminal(arguments(nats_server, *flags), environment=environment) as terminal:
        four_connected(nats_server)
        assert bool(MOUSE.search(terminal.output)) is not is_on


@pytest.mark.parametrize("first_key", ["\x1b", "\x1b2"], ids=["in the list", "in a text field"])
def test_idle_with_four_panels_costs_less_than_promised(nats_server: NatsServer, first_key: str) -> None:
    with Terminal(arguments(nats_server), environment=OVER_SSH) as terminal:
        four_connected(nats_server)
        terminal.type(first_key)
        quiet_since, seen = time.monotonic(), 0

        def settled() -> bool:
            nonlocal quiet_since, seen
            if len(terminal.output) > seen + IDLE_BYTES:
                quiet_since, seen = time.monotonic(), len(terminal.output)
            return time.monotonic() - quiet_since > 1

        until_sync(settled, PATIENCE)
        began, before = time.monotonic(), len(terminal.output)
        until_sync(lambda: time.monotonic() - began > 4, PATIENCE)
        rate = (len(terminal.output) - before) / (time.monotonic() - began)
        # The clock in the header ticks, so something has to come.
        assert 5 < rate <= IDLE_BYTES


class SlowTerminal(Terminal):
    """A terminal at the end of a slow line."""

    def _read(self) -> None:
        on_the_way: collections.deque[tuple[float, bytes]] = collections.deque()
        allowance, last = 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            allowance, last = min(allowance + (now - last) * RATE, RATE / 10), now
            try:
                if allowance >= 1 and select.select([self._ours], [], [], 0.01)[0]:
                    data = os.read(self._ours, min(int(allowance), 4096))
                    allowance -= len(data)
                    on_the_way.append((now + ONE_WAY, data))
                else:
                    time.sleep(0.01)
                    if self.process.poll() is not None and not on_the_way:
                        return
            except (OSError, ValueError):
                return
            while on_the_way and on_the_way[0][0] <= time.monotonic():
                with self._lock:
                    self._output += on_the_way.popleft()[1]

    def type(self, keys: str | bytes) -> None:
        time.sleep(ONE_WAY)
        super().type(keys)


async def test_it_is_usable_over_300_ms_and_10_kb_a_second_while_messages_pour_in(
    nats_server: NatsServer, connect: Connect
) -> None:
    client = await connect(nats_server.url)
    sent = await client.subscribe("typed.>")
    pouring = True

    async def pour() -> None:
        number = 0
        while pouring:
            for _ in range(20):
                number += 1
                await client.publish(f"orders.{number % 7}", b'{"id": %d, "total": 17.5}' % number)
                await client.publish("metrics.cpu", b"%d" % number)
            await client.flush()
            await asyncio.sleep(0.1)

    flags = ["--ping-interval", "1s", "--max-outstanding-pings", "2"]
    with SlowTerminal(arguments(nats_server, *flags), environment=OVER_SSH) as terminal:
        await until(lambda: len(nats_server.connections()) == len(PANELS) + 1, PATIENCE)
        display = Display(terminal)
        await display.shows("4 connected")
        flow = asyncio.create_task(pour())
        try:
            await display.shows("following")
            terminal.type("\x1b2typed.subject\t\t\twords\x13")
            message = await sent.next_msg(PATIENCE)
            assert (message.subject, message.data) == ("typed.subject", b"words")
            await display.shows("confirmed")
            for key, words in (("\x1bOQ", "server pool"), ("\x1b", "typed.subject"), ("\x1bOP", "Swap this panel")):
                terminal.type(key)
                await display.shows(words)
            terminal.type("\x1b")
            await display.shows("4 connected")
            assert "reconnects 1" not in display.text()
        finally:
            pouring = False
            await flow
        # Nothing but what was typed was sent, and nothing twice.
        with pytest.raises(TimeoutError):
            await sent.next_msg(0.2)
        terminal.type("\x11")
        await until(lambda: terminal.process.poll() is not None, PATIENCE)
        assert terminal.ended() == 0
