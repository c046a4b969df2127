"""The publish panel over real servers: what is sent, and what is said of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from nats.aio.msg import Msg

from natstui.connection.outcome import Outcome
from natstui.widgets.field import Field
from tests.conftest import Connect
from tests.dashboards import SIZE, confirm, fill, footer, make_app, notice, publish_panel, strip, until_connected
from tests.servers import NatsServer
from tests.waiting import until


@pytest.fixture
def collect(connect: Connect) -> Callable[..., Any]:
    """`await collect(url, subject)`: the list into which all messages on a subject go."""

    async def start(url: str, subject: str = ">") -> list[Msg]:
        client = await connect(url)
        received: list[Msg] = []

        async def take(message: Msg) -> None:
            received.append(message)

        await client.subscribe(subject, cb=take)
        await client.flush()
        return received

    return start


async def test_a_draft_goes_out_whole_and_is_confirmed(nats_server: NatsServer, collect: Callable[..., Any]) -> None:
    received = await collect(nats_server.url)
    app = make_app(nats_server.url, "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        panel.query_one("#reply", Field).value = "answers.here"
        panel.composer.load("Nats-Msg-Id: 81\nTrace: a\nTrace: b", '{"id": 81, "naïve": "ü"}')
        await pilot.press("f5")
        await until(lambda: "✓ confirmed #1" in footer(panel))
        await until(lambda: len(received) == 1)
        assert received[0].subject == "orders.new" and received[0].reply == "answers.here"
        assert received[0].data == '{"id": 81, "naïve": "ü"}'.encode()
        assert received[0].headers and received[0].headers["Nats-Msg-Id"] == "81"
        assert "1 draft in history" in footer(panel)


async def test_a_draft_is_sent_as_often_as_asked(nats_server: NatsServer, collect: Callable[..., Any]) -> None:
    received = await collect(nats_server.url, "jobs")
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await fill(pilot, panel, "count", "25")
        await fill(pilot, panel, "interval", "0")
        await pilot.press("f5")
        await until(lambda: panel.run is not None and panel.run.is_over)
        await until(lambda: len(received) == 25)
        await until(lambda: "25 of 25" in panel.query_one("#progress").text)
        assert panel.run is not None and panel.run.outcomes == {Outcome.CONFIRMED: 25}


async def test_the_key_that_sends_stops_a_run(nats_server: NatsServer, collect: Callable[..., Any]) -> None:
    received = await collect(nats_server.url, "jobs")
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await fill(pilot, panel, "count", "0")
        await fill(pilot, panel, "interval", "50ms")
        await pilot.press("f5")
        await confirm(app, pilot, "until stopped")
        await until(lambda: len(received) >= 3)
        assert panel.action_words("send") == "stop"
        await pilot.press("f5")
        await until(lambda: not panel.is_sending)
        count = len(received)
        await until(lambda: "stopped" in panel.query_one("#progress").text)
        assert panel.run is not None and panel.run.done == count
        assert panel.action_words("send") == ""


async def test_a_run_that_was_held_up_goes_on_at_its_pace(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await fill(pilot, panel, "count", "30")
        await fill(pilot, panel, "interval", "50ms")
        await pilot.press("f5")
        await until(lambda: panel.run is not None and panel.run.done >= 2)
        run = panel.run
        assert run is not None
        nats_server.freeze()
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 1.2)
        left = 30 - run.done
        assert left > 20
        nats_server.thaw()
        thawed = time.monotonic()
        await until(lambda: run.is_over)
        # What 0.25 s would have sent may go at once.
        assert time.monotonic() - thawed > (left - 6) * 0.05 - 0.1


async def test_what_was_sent_is_recalled_and_sent_again(nats_server: NatsServer, collect: Callable[..., Any]) -> None:
    received = await collect(nats_server.url, "jobs")
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        for payload in ("first", "second"):
            panel.composer.load("", payload)
            await pilot.press("f5")
            await until(lambda payload=payload: [m.data for m in received][-1:] == [payload.encode()])
            await until(lambda: not panel.is_sending)
        await pilot.press("ctrl+up", "ctrl+up")
        assert panel.draft.payload == "first"
        await pilot.press("ctrl+down")
        assert panel.draft.payload == "second"
        await pilot.press("ctrl+r", "down", "f5")
        await until(lambda: [m.data for m in received] == [b"first", b"second", b"first"])
        assert panel.draft.payload == "first"


async def test_too_large_a_payload_is_refused_and_stays(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory(max_payload=100)
    app = make_app(server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        panel.composer.load("", "x" * 101)
        await pilot.press("f5")
        await until(lambda: "✕ refused" in footer(panel))
        assert "100" in notice(panel) and notice(panel).startswith("Refused: ")
        assert panel.draft.payload == "x" * 101
        panel.composer.load("", "x" * 100)
        await pilot.press("f5")
        await until(lambda: "✓ confirmed" in footer(panel))
        assert notice(panel) == ""


async def test_a_publish_that_the_server_denies_is_refused(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory(user="ann", password="pw", permissions={"publish": "orders.>"})
    app = make_app(server.url, "publish:secret", options={"user": "ann", "password": "pw"})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await pilot.press("f5")
        await until(lambda: "✕ refused" in footer(panel))
        assert "secret" in notice(panel)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("count", "many", "'many' is no number"),
        ("interval", "soon", "'soon' is no duration"),
        ("subject", "orders..new", "orders..new"),
        ("subject", "orders.*", "orders.*"),
        ("subject", "", "no subject"),
    ],
)
async def test_a_mistake_in_a_field_is_one_sentence(nats_server: NatsServer, field: str, text: str, said: str) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        panel.composer.load("", "kept")
        panel.query_one(f"#{field}", Field).value = text
        await pilot.press("f5")
        await until(lambda: said in notice(panel))
        assert panel.draft.payload == "kept"


async def test_a_header_line_without_colon_is_told_by_its_number(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        panel.composer.load("Good: yes\nno colon here", "")
        await pilot.press("f5")
        await until(lambda: "line 2 of the headers" in notice(panel))


async def test_what_is_said_of_a_draft_goes_when_the_draft_does(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        panel.composer.load("", "good")
        await pilot.press("f5")
        await until(lambda: "✓ confirmed #1" in footer(panel))
        panel.composer.load("no colon here", "bad")
        await pilot.press("f5")
        await until(lambda: "line 1 of the headers" in notice(panel))
        assert "✕ not sent" in footer(panel) and "✓" not in footer(panel)
        panel.composer.headers_editor.focus()
        await pilot.press("x")
        await until(lambda: notice(panel) == "" and "not sent" not in footer(panel))
        await pilot.press("f5")
        await until(lambda: "line 1 of the headers" in notice(panel))
        await pilot.press("ctrl+up")
        assert notice(panel) == "" and panel.draft.payload == "good"
        await pilot.press("f5")
        await until(lambda: "✓ confirmed #2" in footer(panel))


async def test_a_short_field_is_replaced_by_what_is_typed_and_emptied_by_one_key(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        panel = publish_panel(app)
        await until(lambda: panel.composer.payload_editor.has_focus)
        await pilot.press("tab")
        count = panel.query_one("#count", Field)
        await until(lambda: count.has_focus)
        await pilot.press("2", "5")
        assert count.text == "25"
        await pilot.press("left", "ctrl+u")
        assert count.text == ""
        subject = panel.query_one("#subject", Field)
        subject.focus()
        await pilot.press("x")
        assert subject.text == "jobsx"


async def test_a_refusal_that_the_strip_tells_is_not_told_again(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await pilot.press("escape", "s")
        await until(lambda: "☾ asleep" in strip(panel))
        nats_server.kill()
        await pilot.press("f5")
        await until(lambda: "✕ refused" in footer(panel), 10)
        assert "nothing listens there" in strip(panel) and notice(panel) == ""


async def test_while_no_server_is_there_a_message_is_buffered_and_goes_out_later(
    nats_server: NatsServer, collect: Callable[..., Any]
) -> None:
    app = make_app(nats_server.url, "publish:jobs", options={"request_timeout": 30})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        nats_server.kill()
        await until(lambda: "◐ reconnecting" in strip(panel), 10)
        await pilot.press("f5")
        await until(lambda: "◷ buffered" in footer(panel))
        nats_server.restart()
        await until(lambda: "✓ confirmed" in footer(panel), 20)


async def test_a_buffered_message_is_told_of_when_it_went_out_however_late(
    nats_server: NatsServer, collect: Callable[..., Any]
) -> None:
    options = {"request_timeout": 1}
    app = make_app(nats_server.url, "publish:jobs", options=options)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        assert panel.connection is not None
        nats_server.kill()
        await until(lambda: "◐ reconnecting" in strip(panel), 10)
        await pilot.press("f5")
        await until(lambda: "◷ buffered" in footer(panel))
        began = asyncio.get_running_loop().time()
        assert panel.action_words("send") == "" and "would be lost" in panel.unsent
        panel.composer.load("", "second")
        await pilot.press("f5")
        await until(lambda: "◷ 2 buffered" in footer(panel))
        assert [sent.outcome.outcome for sent in app.session.history.sent] == [Outcome.BUFFERED] * 2
        await until(lambda: asyncio.get_running_loop().time() - began > 1.5)
        assert "◷ 2 buffered" in footer(panel)
        nats_server.restart()
        await until(lambda: "✓ confirmed #2" in footer(panel), 20)
        assert "buffered" not in footer(panel) and notice(panel) == "" and "lost" not in panel.unsent
        assert [sent.outcome.outcome for sent in app.session.history.sent] == [Outcome.CONFIRMED] * 2
        assert [sent.draft.payload for sent in app.session.history.sent] == ["second", ""]


async def test_quitting_does_not_wait_for_what_is_buffered(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs", "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        nats_server.kill()
        for number in (1, 2):
            panel = publish_panel(app, number)
            await until(lambda panel=panel: "◐ reconnecting" in strip(panel), 10)
            await pilot.press(f"alt+{number}", "f5")
            await until(lambda panel=panel: "◷ buffered" in footer(panel))
        publish_panel(app, 2).remove()
        await until(lambda: len(app.session.manager.connections) == 1, 15)
        await pilot.press("ctrl+q")
        await until(lambda: not app.is_running, 20)


async def test_the_next_send_wakes_a_sleeping_connection(nats_server: NatsServer, collect: Callable[..., Any]) -> None:
    received = await collect(nats_server.url, "jobs")
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = publish_panel(app)
        await pilot.press("escape", "s")
        await until(lambda: "☾ asleep" in strip(panel))
        await until(lambda: len(nats_server.connections()) == 1)
        await pilot.press("f5")
        await until(lambda: "✓ confirmed" in footer(panel))
        await until(lambda: len(received) == 1)
        assert "● connected" in strip(panel)


async def test_the_payload_says_whether_it_is_json(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:jobs")
    async with app.run_test(size=SIZE) as pilot:
        panel = publish_panel(app)
        line = panel.composer.query_one(".payload-line")
        for text, said in (("", "empty"), ('{"a": 1}', "json ✓"), ('{"a": 1,', "not json"), ("words", "text")):
            panel.composer.load("", text)
            await pilot.pause()
            assert said in line.text, text
        panel.composer.load("", '{"b":[1,2]}')
        await pilot.press("ctrl+l")
        assert panel.draft.payload == '{\n  "b": [\n    1,\n    2\n  ]\n}'


async def test_a_read_only_dashboard_publishes_nothing(nats_server: NatsServer, collect: Callable[..., Any]) -> None:
    received = await collect(nats_server.url)
    app = make_app(nats_server.url, "publish:jobs", read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f5")
        await until(lambda: "read-only" in notice(publish_panel(app)))
        await asyncio.wait_for(publish_panel(app).connection.flush(), 5)
        assert received == []
