"""Where nothing comes in, the dashboard does not keep looking; what then comes is shown all the same."""

from __future__ import annotations

from natstui.screens.events import EventsScreen
from tests.dashboards import SIZE, make_app, screen_text, strip, subscribe_panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until


async def test_a_message_after_a_silence_is_shown(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        publisher = app.dashboard.panels[1].connection
        assert publisher is not None
        for words in ("after the first silence", "after the second"):
            await until(lambda: app.session.is_resting, 20)
            await publisher.publish("orders.new", words.encode())
            await until(lambda words=words: words in screen_text(app), 10)


async def test_a_gap_after_a_silence_is_shown(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        await until(lambda: app.session.is_resting, 20)
        connection = subscribe_panel(app).connection
        assert connection is not None
        await connection.force_reconnect()
        await until(lambda: "messages may be missing" in screen_text(app), 10)


async def test_what_covers_the_dashboard_in_a_silence_is_kept_up_to_date(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await until(lambda: app.session.is_resting, 20)
        await pilot.press("f3")
        await until(lambda: isinstance(app.screen, EventsScreen))
        assert not app.session.is_resting
        connection = subscribe_panel(app).connection
        assert connection is not None
        await connection.sleep()
        await until(lambda: "asleep" in screen_text(app), 10)


async def test_a_server_that_says_nothing_is_not_shown_as_plainly_connected(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a", options={"ping_interval": 0.5, "max_outstanding_pings": 40})
    async with app.run_test(size=SIZE):
        await until_connected(app)
        panel = app.dashboard.panels[0]
        await until(lambda: "● connected" in strip(panel))
        nats_server.freeze()
        await until(lambda: "◎ connected, silent for" in strip(panel) and "◎ 1 connected, silent" in screen_text(app))
        nats_server.thaw()
        await until(lambda: "● connected" in strip(panel), 10)
