"""The wall clock is set, or the machine was asleep: nothing is lost, given up, or shown that is absurd."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from natstui.app import NatstuiApp
from natstui.clock import Clock
from natstui.connection import ConnectionManager, ConnectionState, Disconnected, IdleClosing, PongReceived
from natstui.connection.options import ConnectOptions
from natstui.launch import Launch, parse_panel
from natstui.settings import Settings
from tests.connection.event_record import EventRecord
from tests.dashboards import SIZE, screen_text, strip, subscribe_panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until

JUMPS = {"two hours on": timedelta(hours=2), "two hours back": timedelta(hours=-2)}


class WallClock:
    """The machine's wall clock, which can be set."""

    def __init__(self) -> None:
        self.off = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_clock_that_is_set_disturbs_no_connection(nats_server: NatsServer, jump: timedelta) -> None:
    wall = WallClock()
    options = ConnectOptions(servers=nats_server.url, ping_interval=0.2, idle_timeout=3600, idle_policy="close")
    async with ConnectionManager(0.1, wall_clock=wall) as manager:
        launch = Launch(Settings(), options, tuple(map(parse_panel, ("subscribe:jumps", "publish:jumps"))))
        app = NatstuiApp(launch, manager=manager, clock=Clock(now=wall))
        async with app.run_test(size=SIZE):
            await until_connected(app)
            panel, publisher = subscribe_panel(app), app.dashboard.panels[1]
            assert panel.connection is not None and publisher.connection is not None
            records = [EventRecord(connection) for connection in (panel.connection, publisher.connection)]
            await publisher.connection.publish("jumps", b"before")
            await until(lambda: panel.ring.received == 1)
            wall.off = jump
            for record in records:
                record.clear()
                await until(lambda record=record: len(record.of(PongReceived)) >= 4)
            app.tick()
            await publisher.connection.publish("jumps", b"after")
            await until(lambda: panel.ring.received == 2)
            assert not any(record.of(Disconnected) or record.of(IdleClosing) for record in records)
            for one in (panel, publisher):
                assert one.connection.state is ConnectionState.CONNECTED
                assert "sleeps in 59:" in strip(one)
            assert not re.search(r"(?<![\w.])-[0-9]", screen_text(app)), screen_text(app)


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_clock_that_is_set_while_the_server_is_away(nats_server: NatsServer, jump: timedelta) -> None:
    wall = WallClock()
    options = ConnectOptions(servers=nats_server.url, reconnect_delay_callback=lambda attempts: 1.5)
    async with ConnectionManager(wall_clock=wall) as manager:
        app = NatstuiApp(
            Launch(Settings(), options, (parse_panel("subscribe:jumps"),)), manager=manager, clock=Clock(now=wall)
        )
        async with app.run_test(size=SIZE):
            await until_connected(app)
            panel = subscribe_panel(app)
            nats_server.kill()
            await until(lambda: panel.connection.stats().next_attempt is not None)
            wall.off = jump
            app.tick()
            shown = strip(panel)
            assert re.search(r"in [12] s", shown) and not re.search(r"-[0-9]", shown), shown
            nats_server.start()
            await until(lambda: panel.connection.state is ConnectionState.CONNECTED, 20)
            await until(lambda: "messages may be missing" in screen_text(app))
