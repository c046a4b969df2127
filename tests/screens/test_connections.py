"""The connections screen over real servers."""

from __future__ import annotations

import json
from collections.abc import Callable

from textual.widgets import Static

from natstui.connection.stats import ConnectionStats
from natstui.screens.connect import ConnectDialog
from natstui.screens.connections import ConnectionsScreen
from natstui.widgets.connection_table import ConnectionTable
from natstui.widgets.field import Field
from natstui.widgets.notice import Notice
from tests.dashboards import make_app, screen_text, until_connected
from tests.servers import NatsServer
from tests.waiting import until

SIZE = (160, 60)


async def test_every_figure_of_every_connection_is_there(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f2")
        assert isinstance(app.screen, ConnectionsScreen)
        await pilot.pause()
        text = screen_text(app)
        for name in ConnectionStats.model_fields:
            assert name == "server_pool" or name in text, name
        assert "1   subscribe" in text and "2   publish" in text
        assert f"127.0.0.1:{nats_server.port}" in text and "current" in text
        assert "connection_id         subscribe-1" in text
        await pilot.press("down")
        await until(lambda: "connection_id         publish-2" in screen_text(app))
        assert "connected to 127.0.0.1:" in screen_text(app)


async def test_the_selected_connection_is_put_to_sleep_and_woken(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a", "publish:b")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f2", "down", "s")
        await until(lambda: len(nats_server.connections()) == 1)
        await until(lambda: "2   publish     ☾ asleep" in screen_text(app))
        assert nats_server.connections()[0]["name"] == "natstui publish-1"
        await pilot.press("r")
        await until(lambda: len(nats_server.connections()) == 2)
        await until(lambda: "2   publish     ● connected" in screen_text(app))


async def test_reconnecting_makes_a_fresh_connection(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        before = nats_server.connections()[0]["cid"]
        await pilot.press("f2", "r")
        await until(lambda: [one["cid"] for one in nats_server.connections()] not in ([], [before]))


async def test_a_health_check_tells_what_it_found(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f2", "h")
        await until(lambda: app.screen.query_one(Notice).sentence.startswith("Healthy:"))


async def test_an_unhealthy_connection_is_told_as_such(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a", options={"request_timeout": 0.3})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        nats_server.freeze()
        try:
            await pilot.press("f2", "h")
            await until(lambda: app.screen.query_one(Notice).sentence.startswith("Not healthy:"), 15)
        finally:
            nats_server.thaw()


async def test_the_stats_are_copied_as_json(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f2", "y")
        stats = json.loads(app.clipboard)
        assert stats["connection_id"] == "publish-1" and stats["state"] == "connected"
        assert stats["idle_timeout"] == "30m0s"


async def test_another_server_is_entered_for_the_selected_connection(
    nats_server_factory: Callable[..., NatsServer],
) -> None:
    first, second = nats_server_factory(), nats_server_factory()
    app = make_app(first.url, "publish:a", "publish:b")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f2", "down", "e")
        assert isinstance(app.screen, ConnectDialog)
        app.screen.query_one("#servers", Field).value = second.url
        await pilot.press("f5")
        await until(lambda: len(second.connections()) == 1 and len(first.connections()) == 1, 10)
        assert second.connections()[0]["name"] == "natstui publish-2"


async def test_without_connections_it_says_so(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+f4", "f2")
        await until(lambda: "no panel, so no connection" in screen_text(app))
        await pilot.press("s", "r", "h", "y", "e", "down")
        assert app.screen.query_one(ConnectionTable).cursor == 0


async def test_a_lost_server_is_marked_as_lost_and_its_error_told_in_full(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=(80, 40)) as pilot:
        await until_connected(app)
        nats_server.kill()
        await pilot.press("f2")

        def pool() -> str:
            return " ".join(str(app.screen.query_one("#servers", Static).content).split())

        await until(lambda: pool().startswith("◐ 127.0.0.1"), 10)
        await until(lambda: "connection refused" in pool(), 10)
        assert "●" not in pool() and "…" not in pool()
        await until(lambda: "refused" in screen_text(app))
