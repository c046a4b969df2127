"""The log of events: on the screen and in its file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from natstui.connection import events as kinds
from natstui.event_log import MAX_FILE_BYTES, EventLog, state_directory
from natstui.screens.events import EventsScreen
from natstui.widgets.event_list import EventList
from natstui.widgets.field import Field
from tests.dashboards import make_app, screen_text, subscribe_panel, type_text, until_connected
from tests.servers import NatsServer
from tests.waiting import until

SIZE = (120, 40)


async def test_every_connections_events_are_shown_and_filtered(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:orders.new")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f3")
        assert isinstance(app.screen, EventsScreen)
        await until(lambda: screen_text(app).count("opening → connected") == 2)
        await pilot.press("slash")
        await type_text(pilot, "PUBLISH connected")
        await until(lambda: screen_text(app).count("opening → connected") == 1)
        assert "subscribe-1" not in screen_text(app)
        await pilot.press("enter")
        assert app.screen.query_one(EventList).has_focus and app.screen.query_one("#filter", Field).display
        await pilot.press("escape")
        await until(lambda: screen_text(app).count("opening → connected") == 2)
        await pilot.press("slash")
        await type_text(pilot, "nothing like it")
        await until(lambda: "no event holds these words" in screen_text(app))
        await pilot.press("escape", "escape")
        assert app.screen is app.dashboard


async def test_pings_are_hidden_until_asked_for(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a", options={"ping_interval": 0.2})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await until(lambda: sum("pong" in entry.text for entry in app.session.log.entries) >= 2)
        await pilot.press("f3")
        assert "pong after" not in screen_text(app) and "pings hidden" in screen_text(app)
        await pilot.press("p")
        await until(lambda: "pong after" in screen_text(app))


@pytest.mark.parametrize("width", [80, 62])
async def test_a_long_event_is_told_in_full(nats_server: NatsServer, width: int) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=(width, 24)) as pilot:
        await until_connected(app)
        words = " ".join(f"word{number}" for number in range(40))
        for _ in range(20):
            app.session.log.add(kinds.ServerError(words, connection_id="publish-1"))
        await pilot.press("f3")
        await until(lambda: "word39" in screen_text(app).splitlines()[-3])
        rows = screen_text(app).splitlines()
        assert "…" not in "".join(rows[1:-2])
        (first,) = [place for place, row in enumerate(rows) if "word0" in row][-1:]
        assert rows[first].index("word0") > 27 and rows[first + 1].startswith(" " * 27 + "word")
        await pilot.press("home")
        await until(lambda: "opening → connected" in screen_text(app))
        await pilot.resize_terminal(120, 40)
        await pilot.press("end")
        await until(lambda: "word39" in screen_text(app).splitlines()[-3])


async def test_an_explanation_goes_on_below_its_own_words(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=(80, 40)) as pilot:
        await until_connected(app)
        app.session.log.add(kinds.StaleConnection(2, 2, "client", 40.2, 20.0, connection_id="publish-1"))
        await pilot.press("f3")
        await until(lambda: "↳ natstui noticed" in screen_text(app))
        rows = screen_text(app).splitlines()
        (first,) = [place for place, row in enumerate(rows) if "↳ natstui noticed" in row]
        assert rows[first].index("natstui") == len(rows[first + 1]) - len(rows[first + 1].lstrip())


async def test_the_log_is_written_to_a_file_that_only_the_owner_reads(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>")
    path = state_directory() / "events.log"
    async with app.run_test(size=SIZE):
        await until_connected(app)
        assert subscribe_panel(app).connection is not None
    text = path.read_text()
    assert "subscribe-1 opening → connected" in text and "subscribe-1 closed" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_server_says_cannot_break_a_line_of_the_file(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.log")
    log.add(kinds.ServerError("evil\n2030-01-01 forged\x1b[2J", connection_id="a"))
    log.write()
    lines = (tmp_path / "events.log").read_text().splitlines()
    assert len(lines) == 1 and "\x1b" not in lines[0] and "forged" in lines[0]


def test_a_file_that_cannot_be_written_is_told_once_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = EventLog(tmp_path / "file" / "events.log")
    log.add(kinds.Draining(connection_id="a"))
    log.write()
    assert "cannot be written" in log.problem
    log.add(kinds.Draining(connection_id="a"))
    log.write()
    assert len(log.entries) == 2


async def test_a_file_that_cannot_be_written_is_told_at_the_start_and_among_the_events(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    app = make_app(nats_server.url, "subscribe:orders.>", log_file=tmp_path / "file" / "events.log")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_connected(app)
        await until(lambda: any("cannot be written" in told.message for told in app._notifications))
        await pilot.press("f3")
        await until(lambda: "not written" in screen_text(app) or "cannot be written" in screen_text(app))


def test_a_long_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    path.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    log = EventLog(path)
    log.add(kinds.Draining(connection_id="a"))
    log.write()
    assert path.stat().st_size < 200 and (tmp_path / "events.log.1").stat().st_size > MAX_FILE_BYTES


def test_only_the_newest_events_are_kept() -> None:
    log = EventLog(None, capacity=10)
    for _ in range(25):
        log.add(kinds.Draining(connection_id="a"))
    assert log.total == 25 and [entry.number for entry in log.entries] == list(range(15, 25))
