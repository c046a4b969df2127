"""The fault drill as an operator sees it, over a real server."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from natstui.app import NatstuiApp
from natstui.screens.fault_drill import FaultDrillScreen
from natstui.widgets.field import Field
from natstui.widgets.notice import Notice
from tests.dashboards import make_app, press_at_once, screen_text, subscribe_panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until

PINGS = {"ping_interval": 0.3, "max_outstanding_pings": 2}
SIZES = [(120, 40), (80, 24), (60, 20)]


def drill(app: NatstuiApp) -> FaultDrillScreen:
    assert isinstance(app.screen, FaultDrillScreen)
    return app.screen


async def drill_open(app: NatstuiApp, pilot: Pilot[Any]) -> FaultDrillScreen:
    """Open the drill of the first panel, with its key."""
    await until_connected(app)
    subscribe_panel(app).messages.focus()
    await pilot.pause()
    await pilot.press("d")
    await until(lambda: isinstance(app.screen, FaultDrillScreen) and app.screen.is_mounted)
    return drill(app)


def told(screen: FaultDrillScreen, id: str) -> str:
    return " ".join(str(screen.query_one(f"#drill-{id}", Static).content).split())


async def is_over(screen: FaultDrillScreen) -> str:
    """The verdict, once it is shown."""
    await until(lambda: screen.run is not None and screen.run.is_over, 20)
    assert screen.run is not None
    verdict = " ".join(screen.run.verdict.split())
    await until(lambda: verdict in told(screen, "verdict"))
    return verdict


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_stall_is_promised_watched_and_judged(nats_server: NatsServer, size: tuple[int, int]) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", options=PINGS, fault_drill=True)
    async with app.run_test(size=size) as pilot:
        screen = await drill_open(app, pilot)
        assert "Silence is noticed between N·I and (N+1)·I = 0.6 to 0.9 s with a ping every 0.3 s × 2." in told(
            screen, "words"
        )
        screen.query_one("#stall-seconds", Field).value = "60"
        await pilot.press("f5")
        await until(lambda: "ping 2/2 sent, no answer" in told(screen, "steps"))
        assert (await is_over(screen)).startswith("Noticed after")
        assert "promised 0.6 to 0.9 s" in told(screen, "verdict")
        steps = told(screen, "steps")
        assert "stalled: no byte in or out for 60 s" in steps
        assert f"back on {nats_server.url}" in steps and "1 of 1 subscription restored" in steps
        assert subscribe_panel(app).connection is not None
        keys = "the keys are shown, however small the screen"
        await until(lambda: all(word in screen_text(app) for word in ("another drill", "esc leave")), what=keys)
        log = [entry.text for entry in app.session.log.entries]
        assert "fault drill, an exercise: stall for 1m0s" in log
        assert any(line.startswith("fault drill ended: Noticed after") for line in log)
        await pilot.press("enter")
        assert "Silence is noticed between" in told(screen, "words"), "another one can be chosen"


async def test_a_drill_goes_on_when_it_is_left_and_its_end_is_told(nats_server: NatsServer) -> None:
    # Long enough for the screen to be left before its end is noticed: a drill that is on the screen is not told.
    pings = {"ping_interval": 1.5, "max_outstanding_pings": 1}
    app = make_app(nats_server.url, "subscribe:orders.>", options=pings, fault_drill=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await drill_open(app, pilot)
        screen.query_one("#stall-seconds", Field).value = "60"
        await press_at_once(pilot, "enter", "escape")
        await until(lambda: app.screen is app.dashboard)
        run = screen.run
        assert run is not None and not run.is_over
        await press_at_once(pilot, "d")
        await until(lambda: isinstance(app.screen, FaultDrillScreen) and app.screen.is_mounted)
        assert drill(app).run is run, "the drill under way is shown again"
        await press_at_once(pilot, "escape")
        await until(lambda: app.screen is app.dashboard)
        assert not run.is_over
        await until(lambda: run.is_over, 20)
        await until(lambda: any(run.verdict == toast.message for toast in app._notifications))


async def test_a_short_stall_passes_and_loses_nothing(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new", fault_drill=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await drill_open(app, pilot)
        screen.query_one("#stall-seconds", Field).value = "1"
        await pilot.pause()
        assert "1 s are less: the connection is kept" in told(screen, "words")
        await pilot.press("f5")
        await until(lambda: screen.run is not None and screen.run.began is not None)
        publisher = app.dashboard.panels[1].connection
        assert publisher is not None
        for number in range(5):
            await publisher.publish("orders.new", b"%d" % number)
        assert (await is_over(screen)).startswith("Not noticed, as promised: 1 s are less than 40 s")
        ring = subscribe_panel(app).ring
        await until(lambda: ring.received == 5)
        listening = subscribe_panel(app).connection
        assert listening is not None and listening.stats().reconnects == 0


@pytest.mark.parametrize(("steps", "begins"), [(1, "Noticed after"), (2, "Left at once, as asked")])
async def test_a_drop_and_a_reconnect_are_watched(nats_server: NatsServer, steps: int, begins: str) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", fault_drill=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await drill_open(app, pilot)
        await pilot.press(*["right"] * steps)
        assert not screen.query_one("#seconds-row").display
        await pilot.press("f5")
        assert (await is_over(screen)).startswith(begins)


@pytest.mark.parametrize("text", ["", "soon", "0", "-3", "9999", "inf", "nan"])
async def test_a_stall_that_cannot_be_is_refused_in_a_sentence(nats_server: NatsServer, text: str) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", fault_drill=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await drill_open(app, pilot)
        screen.query_one("#stall-seconds", Field).value = text
        await pilot.press("f5")
        assert "from above 0 to 3600 seconds" in screen.query_one(Notice).sentence
        assert screen.run is None


async def test_what_is_not_connected_says_so(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", fault_drill=True)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await drill_open(app, pilot)
        connection = subscribe_panel(app).connection
        assert connection is not None
        await connection.sleep()
        await pilot.press("f5")
        verdict = await is_over(screen)
        assert verdict == "Nothing was done: there is no connection to break, it is idle: connect first."


async def test_closing_the_panel_ends_its_drill(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish", fault_drill=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await drill_open(app, pilot)
        await pilot.press("f5", "escape")
        await until(lambda: screen.run is not None and screen.run.began is not None)
        await pilot.press("ctrl+f4")
        await until(lambda: screen.run is not None and screen.run.is_over)
        assert screen.run is not None and "the connection is closed" in screen.run.verdict


async def test_where_it_is_not_allowed_the_palette_says_how_to_allow_it(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until_connected(app)
        subscribe_panel(app).messages.focus()
        await pilot.pause()
        found = [command for command in app.get_system_commands(app.screen) if command.title.startswith("Fault drill")]
        assert len(found) == 1 and "start natstui with --fault-drill" in str(found[0].help)
        await pilot.press("d")
        await until(lambda: any("--fault-drill" in toast.message for toast in app._notifications))
        assert app.screen is app.dashboard


async def test_the_permission_does_not_travel_to_another_server(
    nats_server: NatsServer, nats_server_factory: Any
) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=(120, 40)):
        await until_connected(app)
        panel = subscribe_panel(app)
        assert panel.connection is not None and not panel.connection.options.fault_drill
        app.dashboard.connections.use_embedded(nats_server.url)
        await until(lambda: panel.connection is not None and panel.connection.options.fault_drill)
        await until_connected(app)
        elsewhere = nats_server_factory().url
        app.dashboard.connections.change_all(panel.connection.options.replace(servers=elsewhere))
        await until(lambda: panel.connection is not None and panel.connection.options.servers == (elsewhere,))
        await until_connected(app)
        assert not panel.connection.options.fault_drill


async def test_the_connections_screen_drills_the_selected_connection(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish", fault_drill=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_connected(app)
        await pilot.press("f2")
        await pilot.press("down", "d")
        await until(lambda: isinstance(app.screen, FaultDrillScreen) and app.screen.is_mounted)
        assert "panel 2, publish" in screen_text(app)
