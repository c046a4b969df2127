"""The first start: where nothing answers, it says so and offers two ways on."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from natstui.app import NatstuiApp
from natstui.connection.options import ConnectOptions
from natstui.launch import Launch, parse_panel
from natstui.screens.connect import ConnectDialog
from natstui.screens.first_start import FirstStart
from natstui.settings_sources import load_settings
from natstui.widgets.field import Field
from tests.dashboards import SIZE, make_app, notice, screen_text, strip, subscribe_panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until


@pytest.fixture
def free_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_says_what_was_tried_and_why_it_failed(free_port: int) -> None:
    url = f"nats://127.0.0.1:{free_port}"
    app = make_app(url)
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: isinstance(app.screen, FirstStart))
        await pilot.pause()
        text = screen_text(app)
        assert url in text and "refused" in text and "at TCP" in text
        assert "connect elsewhere" in text and "server of your own" in text
        await pilot.press("escape")
        assert app.screen is app.dashboard
        panel = subscribe_panel(app)
        assert "✕ failed" in strip(panel) and "refused" in strip(panel) + notice(panel)


async def test_one_key_leads_to_a_server_of_ones_own(free_port: int) -> None:
    app = make_app(f"nats://127.0.0.1:{free_port}")
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: isinstance(app.screen, FirstStart))
        await pilot.press("e")
        await until(lambda: subscribe_panel(app).ring.received > 0, 30)
        await until_connected(app)
        assert "orders." in screen_text(app)
        server = app.first_connection.server
        assert server is not None and server.running
    assert not server.running


async def test_one_key_leads_to_the_connect_dialog(free_port: int, nats_server: NatsServer) -> None:
    app = make_app(f"nats://127.0.0.1:{free_port}")
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: isinstance(app.screen, FirstStart))
        await pilot.press("c")
        await until(lambda: isinstance(app.screen, ConnectDialog))
        app.screen.query_one("#servers", Field).value = nats_server.url
        await pilot.press("f5")
        await until(lambda: len(nats_server.connections()) == 3, 10)
        await until_connected(app)
        assert app.screen is app.dashboard


async def test_another_try_finds_a_server_that_came_meanwhile(free_port: int) -> None:
    app = make_app(f"nats://127.0.0.1:{free_port}", "subscribe:a")
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: isinstance(app.screen, FirstStart))
        with NatsServer(port=free_port):
            await pilot.press("r")
            await until_connected(app)
            await until(lambda: "● connected" in strip(subscribe_panel(app)))
            assert notice(subscribe_panel(app)) == ""


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        ({"user": "ann", "password": "wrong"}, {"user": "ann", "password": "right"}, "authentication"),
        ({"require_tls": True}, {}, "TLS"),
    ],
)
async def test_each_way_of_failing_is_one_sentence_with_its_stage(
    nats_server_factory: Callable[..., NatsServer],
    options: dict[str, object],
    settings: dict[str, str],
    said: str,
) -> None:
    server = nats_server_factory(**settings)
    app = make_app(server.url, "subscribe:a", options=options)
    async with app.run_test(size=SIZE):
        await until(lambda: isinstance(app.screen, FirstStart))
        await until(lambda: f"at {said}" in screen_text(app))
        assert "wrong" not in screen_text(app) and "Traceback" not in screen_text(app)


async def test_a_host_that_does_not_exist_is_told(nats_server: NatsServer) -> None:
    app = make_app("nats://no-such-host.invalid:4222", "subscribe:a")
    async with app.run_test(size=SIZE):
        await until(lambda: isinstance(app.screen, FirstStart), 15)
        await until(lambda: "at name lookup" in screen_text(app))


async def test_panels_named_on_the_command_line_are_opened_exactly(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        assert [(panel.KIND, panel.subject_words) for panel in app.dashboard.panels] == [
            ("subscribe", "orders.>"),
            ("publish", ""),
        ]


async def test_the_notice_says_only_what_the_strip_has_no_room_for(free_port: int) -> None:
    app = make_app(f"nats://127.0.0.1:{free_port}", "publish:a")
    async with app.run_test(size=(120, 40)) as pilot:
        panel = app.dashboard.panels[0]
        await until(lambda: "✕ failed" in strip(panel))
        await until(lambda: app.screen is not app.dashboard)
        await pilot.press("escape")
        assert "…" not in strip(panel) and notice(panel) == ""
        await pilot.resize_terminal(60, 30)
        await until(lambda: "…" in strip(panel) and notice(panel) != "")
        assert notice(panel).endswith("nothing listens there (connection refused)") and "check the port" in strip(panel)
        await pilot.resize_terminal(120, 40)
        await until(lambda: "…" not in strip(panel) and notice(panel) == "")


async def test_once_connected_a_failure_is_the_panels_own(nats_server: NatsServer, free_port: int) -> None:
    app = make_app(nats_server.url, "subscribe:a", "publish:b")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = app.dashboard.panels[1]
        panel.change_connection(ConnectOptions(servers=f"nats://127.0.0.1:{free_port}"))
        await until(lambda: "failed" in strip(panel) and all(worker.is_finished for worker in panel.workers))
        for _ in range(3):
            await pilot.pause()
        assert app.screen is app.dashboard


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_it_says_where_it_looked_for_a_server(size: tuple[int, int], free_port: int) -> None:
    settings = load_settings()
    options = ConnectOptions(servers=[f"nats://127.0.0.1:{free_port}"])
    app = NatstuiApp(Launch(settings, options, (parse_panel("publish"),)))
    async with app.run_test(size=size) as pilot:
        await until(lambda: isinstance(app.screen, FirstStart))
        await pilot.pause()
        shown = " ".join(screen_text(app).replace("│", " ").split())
        for words in ("--server", "NATSTUI_SERVERS", "NATS_URL", "~/config/nats", "~/config/natstui/config.toml"):
            assert words in shown
        for words in ("connect elsewhere", "server of your own", "try again", "look at the dashboard"):
            assert words in shown


@pytest.mark.parametrize("variable", ["NATSTUI_SERVERS", "NATS_URL"])
async def test_it_says_who_named_the_server(variable: str, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, f"nats://127.0.0.1:{free_port}")
    settings = load_settings()
    app = NatstuiApp(Launch(settings, settings.connect_options(), (parse_panel("publish"),)))
    async with app.run_test(size=SIZE):
        await until(lambda: isinstance(app.screen, FirstStart))
        await until(lambda: f"environment variable {variable} says so" in screen_text(app))
