"""The subscribe panel over real servers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from natstui.stream.ring import Gap
from natstui.widgets.field import Field
from natstui.widgets.key_line import KeyLine
from tests.conftest import Connect
from tests.dashboards import (
    SIZE,
    fill,
    footer,
    make_app,
    notice,
    screen_text,
    strip,
    subscribe_panel,
    until_connected,
)
from tests.servers import NatsServer
from tests.waiting import until


async def test_messages_are_shown_and_counted_as_they_come(nats_server: NatsServer, connect: Connect) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        for number in range(3):
            await client.publish(f"orders.{number}", b'{"id": %d}' % number)
        await client.publish("metrics.cpu", b"not ours")
        await until(lambda: "received 3" in footer(subscribe_panel(app)))
        text = screen_text(app)
        assert "orders.2" in text and '{"id": 2}' in text
        assert "metrics" not in text
        assert "kept 3" in text and "dropped 0" in text and "following" in text


async def test_several_subjects_may_be_given_and_changed_while_it_runs(
    nats_server: NatsServer, connect: Connect
) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await fill(pilot, panel, "subjects", "metrics.*, alerts.>")
        await pilot.press("enter")
        await until(lambda: {s.subject for s in panel.connection.subscriptions} == {"metrics.*", "alerts.>"})
        for subject in ("orders.new", "metrics.cpu", "alerts.a.b"):
            await client.publish(subject, b"x")
        await until(lambda: panel.ring.received == 2)
        assert {record[0] for record in panel.ring if isinstance(record, tuple)} == {b"metrics.cpu", b"alerts.a.b"}
        assert "metrics.* alerts.>" in str(panel.border_title)


async def test_a_queue_group_shares_the_messages(nats_server: NatsServer, connect: Connect) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:jobs@workers", "subscribe:jobs@workers")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        first, second = subscribe_panel(app, 1), subscribe_panel(app, 2)
        for _ in range(50):
            await client.publish("jobs", b"x")
        await until(lambda: first.ring.received + second.ring.received == 50)
        assert first.ring.received and second.ring.received


async def test_a_denied_subscription_is_told_as_denied(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory(
        user="ann", password="pw", permissions={"subscribe": {"allow": ["orders.>", "_INBOX.>"]}}
    )
    app = make_app(server.url, "subscribe:secret.>", options={"user": "ann", "password": "pw"})
    async with app.run_test(size=SIZE):
        panel = subscribe_panel(app)
        await until(lambda: "secret.>" in notice(panel))
        assert "refused the subscription" in notice(panel) or "denies" in notice(panel)
        assert "connected" in strip(panel)


async def test_a_malformed_subject_is_one_sentence_and_the_text_stays(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await fill(pilot, panel, "subjects", "orders..new metrics.>")
        await pilot.press("enter")
        await until(lambda: "orders..new" in notice(panel))
        assert "\n" not in notice(panel) and "Traceback" not in notice(panel)
        assert panel.query_one("#subjects", Field).value == "orders..new metrics.>"
        assert [s.subject for s in panel.connection.subscriptions] == ["metrics.>"]


async def test_a_gap_marks_where_messages_may_be_missing(nats_server: NatsServer, connect: Connect) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        panel = subscribe_panel(app)
        await client.publish("orders.before", b"")
        await until(lambda: panel.ring.received == 1)
        nats_server.kill()
        await until(lambda: "reconnecting" in strip(panel), 10)
        nats_server.restart()
        await until(lambda: "● connected" in strip(panel), 20)
        again = await connect(nats_server.url)
        await again.publish("orders.after", b"")
        await until(lambda: panel.ring.received == 2)
        kinds = [entry.text if isinstance(entry, Gap) else entry[0] for entry in panel.ring]
        assert kinds[0] == b"orders.before" and kinds[2] == b"orders.after"
        assert kinds[1].startswith("offline ") and kinds[1].endswith("messages may be missing")
        await until(lambda: "messages may be missing" in screen_text(app))


async def test_a_gap_says_how_long_the_server_was_silent_before_that_was_noticed(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", options={"ping_interval": 0.6})
    async with app.run_test(size=SIZE):
        await until_connected(app)
        panel = subscribe_panel(app)
        nats_server.freeze()
        await until(lambda: panel.connection.state == "reconnecting", 10)
        nats_server.thaw()
        gaps = await until(lambda: [entry.text for entry in panel.ring if isinstance(entry, Gap)], 20)
        assert re.search(r"^silent [12]\.\d s, offline [\d.]+ s: messages may be missing$", gaps[0])
        # Half of 120 columns, without the border.
        assert len(gaps[0]) <= 56


async def test_a_server_that_will_shut_down_is_told_of_until_it_has(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        panel = subscribe_panel(app)
        nats_server.lame_duck()
        await until(lambda: "will shut down soon: lame duck mode" in notice(panel), 10)
        nats_server.kill()
        await until(lambda: "reconnecting" in strip(panel) and not notice(panel), 10)


async def test_nothing_is_waited_for_where_nothing_can_arrive(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await until(lambda: "waiting for messages on orders.>" in screen_text(app) and "following" in footer(panel))
        await pilot.press("s")
        await until(lambda: "asleep: nothing arrives here" in screen_text(app) and "asleep" in footer(panel))
        await pilot.press("r")
        await until(lambda: "following" in footer(panel))
        await pilot.press("x")
        await until(lambda: "waiting for messages on orders.>" in screen_text(app))
        nats_server.kill()
        await until(lambda: "reconnecting: nothing arrives here" in screen_text(app), 10)
        assert "reconnecting" in footer(panel) and "following" not in footer(panel)


async def test_a_failed_connection_waits_for_nothing(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", options={"max_reconnects": 1})
    async with app.run_test(size=SIZE):
        await until_connected(app)
        nats_server.kill()
        await until(lambda: "not connected: nothing arrives here" in screen_text(app), 20)
        panel = subscribe_panel(app)
        assert "not connected" in footer(panel) and "following" not in footer(panel)


async def test_a_denied_subscription_is_not_waited_for(nats_server_factory: Callable[..., NatsServer]) -> None:
    server = nats_server_factory(
        user="ann", password="pw", permissions={"subscribe": {"allow": ["orders.>", "_INBOX.>"]}}
    )
    app = make_app(server.url, "subscribe:secret.>", options={"user": "ann", "password": "pw"})
    async with app.run_test(size=SIZE):
        panel = subscribe_panel(app)
        await until(lambda: "not subscribed to secret.>" in screen_text(app) and "not subscribed" in footer(panel))


@pytest.mark.parametrize("width", [60, 80])
async def test_how_far_one_is_behind_is_told_in_little_room(
    nats_server: NatsServer, connect: Connect, width: int
) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:orders.>", ring_capacity=1_000)
    async with app.run_test(size=(width, 24)) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await client.publish("orders.1", b"")
        await until(lambda: panel.ring.received == 1)
        await pilot.press("space")
        panel.ring.extend([(b"orders.2", b"", b"{}", b"")] * 1_234_567)
        await until(lambda: "1,234,567 new" in footer(panel))
        assert "received 1,234,568" in footer(panel) and "kept 1,000" in footer(panel)


async def test_waking_marks_the_time_asleep(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", options={"idle_policy": "close"})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await pilot.press("s")
        await until(lambda: "☾ asleep" in strip(panel))
        assert "wakes on the next use" in strip(panel)
        await pilot.press("r")
        await until(lambda: "● connected" in strip(panel))
        await until(lambda: any(isinstance(entry, Gap) and "asleep" in entry.text for entry in panel.ring))


async def test_hostile_subjects_and_payloads_are_shown_harmless(nats_server: NatsServer, connect: Connect) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:evil.>")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        panel = subscribe_panel(app)
        for payload in (
            b"[/x] [bold]",
            b"\x1b]0;owned\x07",
            "\x9b31m\u202eabc".encode(),
            b"\xff\xfe\x00",
            b"x" * 900_000,
        ):
            await client.publish("evil.[/x]", payload)
        await until(lambda: panel.ring.received == 5)
        await until(lambda: "[/x] [bold]" in screen_text(app))
        text = screen_text(app)
        assert all(character.isprintable() for character in text.replace("\n", ""))
        assert "\x1b" not in text and "\x9b" not in text and "\u202e" not in text


async def test_the_list_is_held_still_and_told_so(nats_server: NatsServer, connect: Connect) -> None:
    client = await connect(nats_server.url)
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        await client.publish("orders.1", b"")
        await until(lambda: panel.ring.received == 1)
        await pilot.press("space")
        await client.publish("orders.2", b"")
        await until(lambda: "1 new   paused" in footer(panel))
        assert "orders.2" not in screen_text(app)
        await pilot.press("space")
        await until(lambda: "following" in footer(panel) and "orders.2" in screen_text(app))


async def test_the_line_of_keys_says_what_space_does_now(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        keys = app.dashboard.query_one(KeyLine)
        await until(lambda: "space pause" in keys.text)
        await pilot.press("space")
        await until(lambda: "space follow" in keys.text)
        await pilot.press("space")
        await until(lambda: "space pause" in keys.text)


async def test_a_server_that_was_gone_for_long_leaves_a_gap_too(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", options={"max_reconnects": 1})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        panel = subscribe_panel(app)
        nats_server.kill()
        await until(lambda: "✕ failed" in strip(panel), 20)
        nats_server.restart()
        await pilot.press("r")
        await until(lambda: "● connected" in strip(panel), 10)
        gaps = [entry.text for entry in panel.ring if isinstance(entry, Gap)]
        assert len(gaps) == 1 and gaps[0].startswith("offline ")


async def test_another_connection_keeps_the_messages_and_leaves_a_gap(
    nats_server_factory: Callable[..., NatsServer], connect: Connect
) -> None:
    first, second = nats_server_factory(), nats_server_factory()
    app = make_app(first.url, "subscribe:orders.>")
    async with app.run_test(size=SIZE):
        await until_connected(app)
        panel = subscribe_panel(app)
        await (await connect(first.url)).publish("orders.first", b"")
        await until(lambda: panel.ring.received == 1)
        panel.change_connection(panel.options.replace(servers=[second.url]))
        await until(lambda: len(second.connections()) == 1 and not first.connections()[1:], 10)
        await until_connected(app)
        await (await connect(second.url)).publish("orders.second", b"")
        await until(lambda: panel.ring.received == 2)
        told = [entry.text if isinstance(entry, Gap) else entry[0] for entry in panel.ring]
        assert (told[0], told[2]) == (b"orders.first", b"orders.second")
        assert "connection changed" in told[1]
