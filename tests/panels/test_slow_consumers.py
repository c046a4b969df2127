"""Messages that the client or the server drops are counted, told, and marked where they are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from natstui.connection.manager import ConnectionManager
from natstui.connection.message import Message
from natstui.connection.options import ConnectOptions
from natstui.stream.ring import Gap
from tests.dashboards import footer, make_app, notice, screen_text, subscribe_panel, until_connected
from tests.panels.test_bad_input import publish
from tests.servers import NatsServer
from tests.waiting import until, until_sync

FLOOD = (b"flood.a", b"x" * 1_000, b"")


def sent_to(server: NatsServer, name: str) -> int:
    """Messages that the server says it has sent to the client of that name."""
    return sum(one["out_msgs"] for one in server.connz()["connections"] if one.get("name") == name)


async def test_received_and_dropped_by_the_client_are_what_the_server_sent(nats_server: NatsServer) -> None:
    handled = 0
    go_on = asyncio.Event()

    async def handler(_message: Message) -> None:
        nonlocal handled
        await go_on.wait()
        handled += 1

    async with ConnectionManager() as manager:
        connection = manager.add(ConnectOptions(servers=nats_server.url, name="slow", subscription_capacity=100))
        subscription = await connection.subscribe("flood.>", handler)
        await connection.flush()
        await asyncio.to_thread(publish, nats_server, *[FLOOD] * 5_000)
        await until(lambda: subscription.received == 5_000)
        go_on.set()
        await until(lambda: handled + subscription.dropped == 5_000)
        assert subscription.dropped == connection.stats().dropped > 4_800
        assert connection.stats().in_msgs == sent_to(nats_server, "slow") == handled + subscription.dropped


async def test_the_panel_counts_what_the_server_sent(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:flood.>", options={"name": "panel"}, ring_capacity=1_000)
    async with app.run_test(size=(120, 30)):
        await until_connected(app)
        panel = subscribe_panel(app)
        await asyncio.to_thread(publish, nats_server, *[FLOOD] * 20_000)
        await until(lambda: panel.ring.received == 20_000)
        assert sent_to(nats_server, "panel") == 20_000
        await until(lambda: "received 20,000" in footer(panel))
        for words in ("kept 1,000", "ring dropped 19,000", "client dropped 0"):
            assert words in footer(panel)


@pytest.fixture
def impatient(nats_server_factory: Callable[..., NatsServer]) -> NatsServer:
    """A server that hangs up on who does not read half a megabyte in a tenth of a second."""
    return nats_server_factory(max_payload=65_536, max_pending=524_288, write_deadline=0.1)


async def test_a_server_that_takes_the_client_for_a_slow_consumer(impatient: NatsServer) -> None:
    app = make_app(impatient.url, "subscribe:flood.>", ring_capacity=100_000)
    async with app.run_test(size=(120, 30)):
        await until_connected(app)
        panel = subscribe_panel(app)
        flood = asyncio.get_running_loop().run_in_executor(None, publish, impatient, *[FLOOD] * 60_000)
        # Nothing of the client runs meanwhile: it reads nothing.
        until_sync(lambda: impatient.varz()["slow_consumers"], 20, "the server's hanging up")
        await flood
        await until(lambda: any(isinstance(entry, Gap) for entry in panel.ring), 10)
        assert panel.ring.received < 60_000
        assert "hung up" in notice(panel) and "narrow the subject" in notice(panel) and "queue group" in notice(panel)
        gaps = [entry.text for entry in panel.ring if isinstance(entry, Gap)]
        assert gaps and all(text.endswith("messages may be missing (not kept up?)") for text in gaps)
        await until(lambda: "● connected" in screen_text(app))


async def test_a_server_that_goes_away_in_quiet_is_no_slow_consumer_s(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:flood.>")
    async with app.run_test(size=(120, 30)):
        await until_connected(app)
        panel = subscribe_panel(app)
        publish(nats_server, FLOOD)
        nats_server.kill()
        nats_server.restart()
        await until(lambda: any(isinstance(entry, Gap) for entry in panel.ring), 20)
        assert "hung up" not in notice(panel)
        assert "kept up" not in screen_text(app)
