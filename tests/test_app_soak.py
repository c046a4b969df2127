"""A short soak: what comes and goes with restarts, sleeps, switches and panels leaves nothing behind in the process.

`python -m benchmarks.soak` is the long one, against a dashboard in a pty.
"""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.msg import Msg
from textual.pilot import Pilot

from natstui.app import NatstuiApp
from natstui.connection.state import ConnectionState
from natstui.panels.request import RequestPanel
from natstui.screens.contexts import ContextsScreen
from tests.dashboards import SIZE, footer, make_app, publish_panel, request_panel, subscribe_panel, until_connected
from tests.scenes import write_contexts
from tests.servers import NatsServer
from tests.waiting import until

PANELS = ("subscribe:soak.flood.>", "subscribe:soak.note", "publish:soak.out", "request:soak.ask")
IDS = ("subscribe-1", "subscribe-2", "publish-3", "request-4")
ROUNDS = 10
SETTLED = 4
"""Rounds after which everything is loaded and every thread of the pool there."""
PATIENCE = 20.0


class Soak:
    """A dashboard of four panels, two servers, and what happens to them."""

    def __init__(self, app: NatstuiApp, pilot: Pilot[Any], servers: dict[str, NatsServer]) -> None:
        self.app = app
        self.pilot = pilot
        self.servers = servers
        self.context = "alpha"

    async def restart(self, number: int) -> None:
        """A server falls, and comes back while the panels look for it."""
        server = self.servers[self.context]
        (server.kill, server.terminate)[number % 2]()
        for panel in self.app.dashboard.panels:
            await until(lambda panel=panel: panel.connection.state is ConnectionState.RECONNECTING, PATIENCE)
        server.start()
        await until_connected(self.app, PATIENCE)

    async def sleep_and_wake(self, number: int) -> None:
        panel = self.app.dashboard.panels[number % len(PANELS)]
        panel.action_sleep()
        await until(lambda: panel.connection.state is ConnectionState.IDLE)
        panel.action_reconnect()
        await until_connected(self.app, PATIENCE)

    async def switch(self) -> None:
        """All panels go to the other context."""
        self.context = "beta" if self.context == "alpha" else "alpha"
        await self.pilot.press("ctrl+t")
        await until(lambda: isinstance(self.app.screen, ContextsScreen))
        await self.pilot.press("home", *["down"] * (self.context == "beta"), "a")
        await until(lambda: self.are_at(self.context), PATIENCE)
        await until_connected(self.app, PATIENCE)

    async def open_and_close_a_panel(self) -> None:
        await self.pilot.press("ctrl+n", "p")
        await until(lambda: len(self.app.dashboard.panels) == len(PANELS) + 1)
        await until_connected(self.app, PATIENCE)
        await self.pilot.press("ctrl+f4")
        await until(lambda: len(self.app.dashboard.panels) == len(PANELS))
        await until(lambda: self.are_at(self.context), PATIENCE)

    def are_at(self, context: str) -> bool:
        """Whether each panel has one connection, at this context's server, and none elsewhere."""
        found = {name: [str(one.get("name")) for one in server.connections()] for name, server in self.servers.items()}
        here = found.pop(context)
        return sorted(here) == sorted(f"natstui {name}" for name in IDS) and found.popitem()[1] == []

    async def works(self, number: int) -> None:
        """What is published is shown, what the panel publishes arrives, and what it asks is answered."""
        client = await nats.connect(self.servers[self.context].url)
        heard: list[Msg] = []

        async def hear(message: Msg) -> None:
            heard.append(message)

        async def answer(message: Msg) -> None:
            await message.respond(b"%d" % number)

        await client.subscribe("soak.out", cb=hear)
        await client.subscribe("soak.ask", cb=answer)
        flooded, noted = (subscribe_panel(self.app, place).ring for place in (1, 2))
        received, asked = (flooded.received, noted.received), request_panel(self.app, 4)
        answered = _answered(asked)
        for _ in range(500):
            await client.publish("soak.flood.a", b"x" * 128)
        await client.publish("soak.note", b"%d" % number)
        # nats-py sends the PING of a flush before what waits to be sent.
        await client.flush()
        await client.flush()
        publish_panel(self.app, 3).action_send()
        asked.action_send()
        await until(lambda: (flooded.received, noted.received) == (received[0] + 500, received[1] + 1), PATIENCE)
        await until(lambda: len(heard) == 1, PATIENCE)
        await until(lambda: _answered(asked) == answered + 1, PATIENCE)
        await client.close()


def _answered(panel: RequestPanel) -> int:
    found = re.search(r"([0-9]+) answered", footer(panel))
    return int(found[1]) if found else 0


def tasks() -> Counter[str]:
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
async def test_restarts_sleeps_and_switches_leave_nothing_behind(
    nats_server_factory: Callable[..., NatsServer],
) -> None:
    servers = {name: nats_server_factory() for name in ("alpha", "beta")}
    write_contexts({name: {"url": server.url} for name, server in servers.items()}, "alpha")
    app = make_app(servers["alpha"].url, *PANELS)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        soak = Soak(app, pilot, servers)
        settled = (Counter[str](), 0, 0)
        for number in range(ROUNDS):
            await soak.restart(number)
            await soak.sleep_and_wake(number)
            if number % 2 == 0:
                await soak.switch()
            if number % 6 == 0:
                await soak.open_and_close_a_panel()
            if number % 2 == 0:
                await soak.works(number)
            if number == SETTLED:
                gc.collect()
                settled = (tasks(), descriptors(), threading.active_count())
        gc.collect()
        await until(lambda: tasks() - settled[0] == Counter(), what="no task is left over")
        await until(lambda: descriptors() <= settled[1], what="no descriptor is left over")
        assert threading.active_count() <= settled[2] + 2
        assert soak.are_at(soak.context)
    await until(lambda: all(server.connections() == [] for server in servers.values()))
