"""The request panel over real servers: each way a question can end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from natstui.screens.message_detail import MessageDetail
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.widgets.reply_list import Answer
from tests.conftest import Connect
from tests.dashboards import SIZE, footer, make_app, notice, request_panel, screen_text, strip, until_connected
from tests.servers import NatsServer
from tests.waiting import until


async def test_a_reply_is_shown_with_its_latency(nats_server: NatsServer, connect: Connect) -> None:
    service = await connect(nats_server.url)

    async def echo(message) -> None:  # type: ignore[no-untyped-def]
        await message.respond(b"echo " + message.data + message.headers["Trace"].encode())

    await service.subscribe("svc.echo", cb=echo)
    await service.flush()
    app = make_app(nats_server.url, "request:svc.echo")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.composer.load("Trace: 7", "hello ")
        await pilot.press("f5")
        await until(lambda: "1 answered" in footer(panel))
        row = next(iter(panel.replies.rows))
        assert row.answer is Answer.REPLY and row.latency is not None and 0 < row.latency < 5
        assert "echo hello 7" in screen_text(app)
        assert "p50 " in footer(panel) and not panel.is_waiting
        await pilot.press("escape", "enter")
        await until(lambda: isinstance(app.screen, MessageDetail))
        assert "echo hello 7" in screen_text(app)


async def test_nobody_there_is_told_as_no_responders(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "request:svc.nobody")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        await pilot.press("f5")
        await until(lambda: "1 no responders" in footer(panel))
        assert [row.answer for row in panel.replies.rows] == [Answer.NONE]
        assert "svc.nobody" in screen_text(app)


async def test_a_mistake_is_told_until_the_question_is_edited(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "request:svc.echo")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#timeout", Field).value = "soon"
        await pilot.press("f5")
        await until(lambda: "'soon' is no duration" in notice(panel))
        panel.composer.payload_editor.focus()
        await pilot.press("x")
        await until(lambda: notice(panel) == "")


async def test_an_empty_list_of_replies_shows_its_focus_and_opens_no_dialog(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "request:svc.nobody")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        replies = request_panel(app).replies

        def backgrounds() -> set[str]:
            lines = (replies.render_line(y) for y in range(replies.size.height))
            return {str(segment.style.bgcolor) for line in lines for segment in line if segment.style}

        before = backgrounds()
        await pilot.press("escape")
        await until(lambda: replies.has_focus and backgrounds() > before)
        await pilot.press("e")
        assert app.screen is app.dashboard
        await pilot.press("f10")
        await until(lambda: app.screen is not app.dashboard)


async def test_no_number_of_replies_is_no_limit(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "request:svc.nobody")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#mode", Choice).value = "many"
        await until(lambda: "at most  no limit" in screen_text(app))
        await pilot.press("f5")
        await until(lambda: "1 no responders" in footer(panel))


async def test_too_late_is_told_as_unknown(nats_server: NatsServer, connect: Connect) -> None:
    service = await connect(nats_server.url)
    await service.subscribe("svc.silent")
    await service.flush()
    app = make_app(nats_server.url, "request:svc.silent")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#timeout", Field).value = "100ms"
        await pilot.press("f5")
        await until(lambda: "1 unknown" in footer(panel))
        assert "within 0.1 s" in next(iter(panel.replies.rows)).words


async def test_a_server_lost_while_waiting_is_told_as_unknown(nats_server: NatsServer, connect: Connect) -> None:
    service = await connect(nats_server.url)
    await service.subscribe("svc.silent")
    await service.flush()
    app = make_app(nats_server.url, "request:svc.silent")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#timeout", Field).value = "20s"
        await pilot.press("f5")
        await until(lambda: "waiting" in footer(panel))
        nats_server.kill()
        await until(lambda: "1 unknown" in footer(panel), 10)
        assert "◐ reconnecting" in strip(panel)


async def test_every_reply_of_many_is_shown(nats_server: NatsServer, connect: Connect) -> None:
    for name in (b"a", b"b", b"c"):
        service = await connect(nats_server.url)

        async def answer(message, name: bytes = name) -> None:  # type: ignore[no-untyped-def]
            await message.respond(name)

        await service.subscribe("svc.all", cb=answer)
        await service.flush()
    app = make_app(nats_server.url, "request:svc.all")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#mode", Choice).value = "many"
        panel.query_one("#timeout", Field).value = "500ms"
        await pilot.press("f5")
        await until(lambda: not panel.is_waiting and "3 answered" in footer(panel))
        replies = [row for row in panel.replies.rows if row.record is not None]
        assert {row.record[2] for row in replies if row.record} == {b"a", b"b", b"c"}
        assert [row.words for row in panel.replies.rows][-1].startswith("3 replies in ")
        panel.query_one("#most", Field).value = "2"
        await pilot.press("f5")
        await until(lambda: not panel.is_waiting and "5 answered" in footer(panel))


async def test_the_key_that_asks_stops_waiting(nats_server: NatsServer, connect: Connect) -> None:
    service = await connect(nats_server.url)
    await service.subscribe("svc.silent")
    await service.flush()
    app = make_app(nats_server.url, "request:svc.silent")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#timeout", Field).value = "1h"
        await pilot.press("f5")
        await until(lambda: panel.is_waiting and panel.action_words("send") == "stop")
        await pilot.press("f5")
        await until(lambda: not panel.is_waiting)
        assert "stopped waiting" in next(iter(panel.replies.rows)).words


@pytest.mark.parametrize(("field", "text"), [("timeout", "soon"), ("timeout", "0"), ("subject", ""), ("most", "few")])
async def test_a_mistake_in_a_field_is_one_sentence(nats_server: NatsServer, field: str, text: str) -> None:
    app = make_app(nats_server.url, "request:svc.echo")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        panel.query_one("#mode", Choice).value = "many"
        panel.query_one(f"#{field}", Field).value = text
        await pilot.press("f5")
        await until(lambda: notice(panel))
        assert not panel.is_waiting and not len(panel.replies.rows)


async def test_a_request_while_no_server_answers_is_refused(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory()
    app = make_app(server.url, "request:svc.echo", options={"connection_timeout": 1})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = request_panel(app)
        await pilot.press("escape", "s")
        await until(lambda: "☾ asleep" in strip(panel))
        server.kill()
        await pilot.press("f5")
        await until(lambda: "1 refused" in footer(panel), 10)
        await until(lambda: "✕ failed" in strip(panel))
