"""The connect dialog tries what was entered, stage by stage, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.app import App

from natstui.connection.options import ConnectOptions
from natstui.headless.diagnosis import STAGES
from natstui.screens.connect import ConnectDialog
from natstui.widgets.field import Field
from natstui.widgets.notice import Notice
from natstui.widgets.stage_list import StageList
from tests.dashboards import screen_text
from tests.faults import Peer, ScriptedServer
from tests.screens.test_connect import DialogApp, set_field
from tests.servers import NatsServer
from tests.waiting import until

SIZE = (100, 40)


def statuses(app: App[None]) -> dict[str, str]:
    reports = app.screen.query_one(StageList).reports
    return {stage: str(reports[stage].status) for stage in reports}


def sentence(app: App[None]) -> str:
    return app.screen.query_one(Notice).sentence


async def test_a_server_that_can_be_used_closes_the_dialog(nats_server: NatsServer) -> None:
    app = DialogApp(ConnectOptions())
    async with app.run_test(size=SIZE) as pilot:
        set_field(app, "servers", nats_server.url)
        await pilot.press("f5")
        await until(lambda: bool(app.answers))
        await until(lambda: nats_server.connections() == [])
    (answer,) = app.answers
    assert answer is not None and answer.options.servers == (nats_server.url,)


async def test_each_stage_is_shown_while_the_next_is_under_way() -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.send_info()
        await peer.expect(b"CONNECT ")
        await go_on.wait()

    async with ScriptedServer(script) as server:
        app = DialogApp(ConnectOptions(servers=server.url, connection_timeout=30))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("f5")
            await until(lambda: statuses(app) == {"name lookup": "ok", "TCP": "ok", "INFO": "ok"})
            text = screen_text(app)  # type: ignore[arg-type]
            assert "✓ INFO" in text and f"port {server.port}" in text and "ms" in text
            assert "✓ authentication" not in text and "◌" in text
            await pilot.press("escape")
            await until(lambda: sentence(app).startswith("Stopped."))
            assert isinstance(app.screen, ConnectDialog) and app.answers == []
            await pilot.press("escape")
        go_on.set()
    assert app.answers == [None]


async def test_a_stage_that_fails_says_why_and_the_values_stay(
    nats_server_factory: Callable[..., NatsServer],
) -> None:
    server = nats_server_factory(config="authorization { user: ann, password: right }")
    app = DialogApp(ConnectOptions(servers=server.url))
    async with app.run_test(size=(80, 24)) as pilot:
        set_field(app, "user", "ann")
        set_field(app, "password", "wr0ng")
        await pilot.press("f5")
        await until(lambda: "authentication" in sentence(app))
        assert statuses(app) | {"TLS": "skipped", "authentication": "failed", "ping": "skipped"} == statuses(app)
        assert set(statuses(app)) == set(STAGES)
        assert app.screen.query_one("#user", Field).value == "ann" and app.answers == []
        text = screen_text(app)  # type: ignore[arg-type]
        assert "✕ authentication" in text and "F5 connect" in text and "wr0ng" not in text
        set_field(app, "password", "right")
        await pilot.press("f5")
        await until(lambda: bool(app.answers))
    assert app.answers[0] is not None


async def test_one_server_of_several_is_enough(nats_server: NatsServer, unused_tcp_port: int) -> None:
    app = DialogApp(ConnectOptions(servers=[f"nats://127.0.0.1:{unused_tcp_port}", nats_server.url]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f5")
        await until(lambda: bool(app.answers))
    assert app.answers[0] is not None


async def test_where_none_answers_each_is_told(unused_tcp_port: int) -> None:
    servers = [f"nats://127.0.0.1:{unused_tcp_port}", f"nats://localhost:{unused_tcp_port}"]
    app = DialogApp(ConnectOptions(servers=servers))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f5")
        await until(lambda: bool(sentence(app)))
        for host in ("127.0.0.1", "localhost"):
            assert f"{host}:{unused_tcp_port}, TCP: " in sentence(app)
        assert "(2 of 2)" in screen_text(app)  # type: ignore[arg-type]
        await pilot.press("f8")
    assert app.answers[0] is not None and app.answers[0].options.servers == tuple(servers)
