"""Read-only and production on the dashboard, over real servers: what leaves is recorded on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from natstui.app import NatstuiApp
from natstui.connection.options import ConnectOptions
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.state import ConnectionState
from natstui.context_labels import ContextLabel
from natstui.drafts import Draft, SentMessage
from natstui.launch import parse_panel
from natstui.screens import ChoosePanel, Confirm, ConnectDialog, HistoryScreen
from natstui.widgets.field import Field
from natstui.widgets.header_line import HeaderLine
from natstui.widgets.notice import Notice
from tests.dashboards import (
    SIZE,
    confirm,
    fill,
    focused_in,
    footer,
    make_app,
    notice,
    press_at_once,
    publish_panel,
    request_panel,
    screen_text,
    type_text,
    until_asked,
    until_connected,
)
from tests.faults import Proxy
from tests.scenes import write_contexts
from tests.servers import NatsServer
from tests.waiting import until

Proxies = Callable[..., Awaitable[Proxy]]
PANELS = ("publish:jobs", "request:svc.echo", "subscribe:orders.>")


def header(app: NatstuiApp) -> str:
    return app.dashboard.query_one(HeaderLine).text


async def settled(app: NatstuiApp) -> None:
    """All that was written has arrived at the server."""
    for panel in app.dashboard.panels:
        if panel.connection is not None and panel.connection.state is ConnectionState.CONNECTED:
            await panel.connection.flush(5)


async def try_to_send(app: NatstuiApp, pilot: Any, said: str = "read-only") -> None:
    """Publish and ask with keys; both panels have to say why not."""
    for number in (1, 2):
        app.dashboard.panels[number - 1].notice.clear()
        await press_at_once(pilot, f"alt+{number}", "f5")
        await until(lambda number=number: said in notice(app.dashboard.panels[number - 1]))
    await settled(app)


async def test_nothing_leaves_a_read_only_dashboard_whatever_is_tried(
    nats_server: NatsServer, proxy_factory: Proxies
) -> None:
    # Long, since every way out is tried on every connection that there comes to be.
    proxy = (await proxy_factory(nats_server.url)).record()
    write_contexts({"dev": {"url": proxy.url}, "prod": {"url": proxy.url}}, "dev")
    app = make_app(proxy.url, *PANELS, read_only=True)
    app.session.history.add(
        SentMessage(Draft("jobs", "", "", "again"), app.session.clock.now(), PublishOutcome(Outcome.CONFIRMED, 0.1), 1)
    )
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await until(lambda: "read-only" in header(app))
        assert footer(publish_panel(app)).startswith("read-only: nothing can be sent")
        assert footer(request_panel(app, 2)).startswith("read-only: nothing can be asked")
        await try_to_send(app, pilot)
        assert (
            notice(publish_panel(app)) == "Nothing was sent: natstui is read-only (program); start it without, to send."
        )

        # From the history, and from the palette.
        await pilot.press("alt+1", "ctrl+r")
        await until(lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press("f5")
        await until(lambda: app.screen is app.dashboard and publish_panel(app).draft.payload == "again")
        for command in list(app.get_system_commands(app.screen)):
            if command.title.startswith("Send"):
                command.callback()
        await pilot.pause()

        # On another context, in a new panel, and for all.
        for key in ("c", "a"):
            await pilot.press("ctrl+t", key)
            await until(lambda: app.screen is app.dashboard)
            await until_connected(app)
            await try_to_send(app, pilot)
        await app.dashboard.open_panel(parse_panel("publish:more"))
        await until_connected(app)
        await until(lambda: focused_in(app, publish_panel(app, 4)))
        await pilot.press("f5")
        await until(lambda: "read-only" in notice(publish_panel(app, 4)))

        # Through the connect dialog, which walks to the server, and with other servers.
        await pilot.press("alt+1", "f10")
        await until(lambda: isinstance(app.screen, ConnectDialog) and app.screen.focused is not None)
        app.screen.query_one("#servers", Field).value = nats_server.url
        await pilot.press("f5")
        await until(lambda: app.screen is app.dashboard, 10)
        await until_connected(app)
        assert publish_panel(app).options.servers == (nats_server.url,)
        app.dashboard.connections.change_all(ConnectOptions(servers=proxy.url))
        await until_connected(app)
        app.dashboard.connections.use_embedded(proxy.url)
        await until_connected(app)
        for panel in app.dashboard.panels:
            assert panel.connection is not None and panel.connection.options.read_only
            panel.connection.set_server_pool([proxy.url])
        await try_to_send(app, pilot)

        # After a reconnect: nothing waited, and nothing goes out.
        nats_server.kill()
        await until(
            lambda: {panel.connection.state for panel in app.dashboard.panels} == {ConnectionState.RECONNECTING}, 10
        )
        await try_to_send(app, pilot)
        nats_server.restart()
        await until_connected(app, 20)
        await try_to_send(app, pilot)
        assert proxy.publishes == [] and b"SUB orders.>" in proxy.said
        assert [one["in_msgs"] for one in nats_server.connections()] == [0] * 4
        assert app.session.history.sent[0].draft.payload == "again" and len(app.session.history.sent) == 1


async def test_what_waits_for_a_server_stays_behind_when_the_panel_goes_to_a_read_only_context(
    nats_server: NatsServer, proxy_factory: Proxies
) -> None:
    proxy = (await proxy_factory(nats_server.url)).record()
    app = make_app(proxy.url, "publish:jobs", contexts={"locked": {"read_only": True}})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        nats_server.kill()
        await until(lambda: panel.connection.state is ConnectionState.RECONNECTING, 10)
        await pilot.press("f5")
        await until(lambda: "buffered" in footer(panel))
        label = ContextLabel("locked")
        app.dashboard.connections.change(panel, ConnectOptions(servers=proxy.url, retry_on_initial_connect=True), label)
        nats_server.restart()
        await until_connected(app, 20)
        assert panel.options.read_only
        await pilot.press("f5")
        await until(lambda: 'locked is read-only by [contexts."locked"]' in notice(panel))
        await settled(app)
        assert proxy.publishes == []


async def test_what_waits_for_a_server_is_not_lost_without_asking(nats_server: NatsServer) -> None:
    write_contexts({"dev": {"url": nats_server.url}}, "dev")
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        nats_server.kill()
        await until(lambda: panel.connection.state is ConnectionState.RECONNECTING, 10)
        await pilot.press("f5")
        await until(lambda: "buffered" in footer(panel))
        connection = panel.connection
        for key in ("c", "a"):
            await pilot.press("ctrl+t", key)
            await until(lambda: isinstance(app.screen, Confirm))
            await until(lambda: "panel 1: 1 message waits for a server" in screen_text(app))
            await pilot.press("escape")
            await until(lambda: app.screen is app.dashboard)
            assert panel.connection is connection
        nats_server.restart()
        await until(lambda: "✓ confirmed #1" in footer(panel), 20)
        await pilot.press("ctrl+t", "c")
        await until(lambda: panel.connection not in (None, connection))
        await until_connected(app)


async def test_a_read_only_context_beside_one_that_is_not(nats_server: NatsServer) -> None:
    write_contexts({"dev": {"url": nats_server.url}, "live": {"url": nats_server.url}}, "live")
    app = make_app(nats_server.url, "publish:a", context="live", contexts={"LIVE": {"read_only": True}})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        assert app.session.options.read_only and "read-only" in header(app)
        await pilot.press("ctrl+t")
        await until(lambda: "read-only" in screen_text(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChoosePanel))
        await pilot.press("escape", "ctrl+t", "home", "enter")
        await until(lambda: isinstance(app.screen, ChoosePanel))
        await pilot.press("p")
        await until(lambda: len(app.dashboard.panels) == 2)
        await until_connected(app)
        assert [panel.options.read_only for panel in app.dashboard.panels] == [True, False]
        assert "1 read-only" in header(app)
        # By hand, a read-only connection stays so.
        panel = publish_panel(app)
        changed = panel.options.replace(servers=[nats_server.url, "nats://127.0.0.1:1"])
        app.dashboard.connections.change(panel, changed, ContextLabel())
        await until(lambda: panel.connection is not None and len(panel.connection.options.servers) == 2)
        await until_connected(app)
        await pilot.press("alt+1", "f5")
        await until(lambda: "read-only before it was changed" in notice(panel))


async def test_the_first_message_to_production_is_confirmed_by_its_name(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs", "request:svc.none", context="prod-east")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        assert "PRODUCTION prod-east" in header(app)
        assert all("PRODUCTION prod-east" in panel.border_title for panel in app.dashboard.panels)
        panel = publish_panel(app)
        await pilot.press("alt+1", "f5")
        screen = await until_asked(app)
        await pilot.press("enter")
        assert app.screen is screen and "Enter alone" in screen.query_one(Notice).sentence
        await type_text(pilot, "prod")
        await pilot.press("enter")
        assert app.screen is screen and "something else" in screen.query_one(Notice).sentence
        await pilot.press("escape")
        await until(lambda: notice(panel) == "Nothing was sent.")
        assert panel.run is None and nats_server.connections()[0]["in_msgs"] == 0
        await pilot.press("f5")
        await confirm(app, pilot, "prod-east")
        await until(lambda: "✓ confirmed #1" in footer(panel))
        await pilot.press("f5")
        await until(lambda: "✓ confirmed #2" in footer(panel))

        # From the history it is one message like any other; a run is asked about each time.
        await pilot.press("ctrl+r", "f5")
        await until(lambda: "✓ confirmed #3" in footer(panel))
        await fill(pilot, panel, "count", "2")
        for number in (5, 7):
            await pilot.press("f5")
            await confirm(app, pilot, "prod-east")
            await until(lambda number=number: f"✓ confirmed #{number}" in footer(panel), 10)

        # Another panel asks for itself.
        await pilot.press("alt+2", "f5")
        await confirm(app, pilot, "prod-east")
        await until(lambda: "1 no responders" in footer(request_panel(app, 2)))


async def test_much_and_large_is_confirmed_on_any_context(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs", confirm_count=3, confirm_payload=100)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await fill(pilot, panel, "interval", "0")
        await fill(pilot, panel, "count", "4")
        await pilot.press("f5")
        await confirm(app, pilot, "4")
        await until(lambda: "✓ confirmed #4" in footer(panel))
        await fill(pilot, panel, "count", "3")
        panel.composer.load("A: b", "x" * 82)
        await pilot.press("f5")
        await until(lambda: "✓ confirmed #7" in footer(panel))
        panel.composer.load("A: b", "x" * 83)
        await pilot.press("ctrl+r", "down", "escape", "f5")
        await confirm(app, pilot, "101")
        await until(lambda: "✓ confirmed #10" in footer(panel))
        await pilot.press("ctrl+r", "f5")
        await confirm(app, pilot, "101")
        await until(lambda: "✓ confirmed #11" in footer(panel))


async def test_a_stream_is_not_purged_without_its_name(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory(jetstream=True)
    app = make_app(server.url, "request:$JS.API.STREAM.PURGE.ORDERS")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        await pilot.press("f5")
        screen = await until_asked(app)
        assert "removes messages from the stream ORDERS" in screen_text(app)
        await pilot.press("y", "enter")
        assert app.screen is screen
        await pilot.press("escape")
        await until(lambda: notice(panel) == "Nothing was sent.")
        await pilot.press("f5")
        await confirm(app, pilot, "ORDERS")
        await until(lambda: "1 answered" in footer(panel))


async def test_what_was_confirmed_for_one_connection_is_not_sent_on_another(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs", context="prod-east")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await pilot.press("f5")
        await until_asked(app)
        before = panel.connection
        panel.change_connection(panel.options)
        await until(lambda: panel.connection not in (None, before))
        await until_connected(app)
        await confirm(app, pilot, "prod-east")
        await until(lambda: "the connection was changed meanwhile" in notice(panel))
        assert panel.run is None


@pytest.mark.parametrize(("width", "shown"), [(60, "PRODUCTION"), (80, "PRODUCTION prod-"), (120, "PRODUCTION prod-")])
async def test_production_is_told_at_every_width(nats_server: NatsServer, width: int, shown: str) -> None:
    name = "prod-" + "x" * 60 + "-east"
    app = make_app(nats_server.url, "publish:jobs", "publish:b", context=name, read_only=True)
    async with app.run_test(size=(width, 24)):
        await until_connected(app)
        assert shown in header(app) and "east" in header(app) and "read-only" in header(app)


async def test_an_edited_connection_stays_production_while_one_of_its_servers_is_left(nats_server: NatsServer) -> None:
    app = make_app([nats_server.url, "nats://127.0.0.1:1"], "publish:jobs", context="prod-east")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        changes = app.dashboard.connections
        panel = publish_panel(app)
        for servers, is_production in ((nats_server.url, True), ("nats://127.0.0.1:2", False)):
            changes.change_all(app.session.options.replace(servers=servers))
            await until(lambda servers=servers: panel.connection and panel.connection.options.servers == (servers,))
            assert panel.context.is_production is is_production
            assert ("PRODUCTION prod-east" in header(app)) is is_production


async def test_what_covers_the_header_names_production_too(nats_server: NatsServer) -> None:
    rules = {"prod[x]": {"fault_drill": True, "production": True}}
    app = make_app(nats_server.url, "subscribe:orders.>", context="prod[x]", contexts=rules, fault_drill=True)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        app.dashboard.panels[0].context = ContextLabel("prod[x]")
        for key in ("f2", "f10", "d"):
            app.dashboard.panels[0].focus_inside()
            await pilot.press(key)
            await until(lambda: "PRODUCTION prod[x]" in screen_text(app) and app.screen is not app.dashboard)
            await pilot.press("escape")
            await until(lambda: app.screen is app.dashboard)
