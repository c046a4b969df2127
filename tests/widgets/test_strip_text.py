"""What the strip says: every state its own word and shape, nothing cut in two at any width."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natstui.connection.state import ConnectionState
from natstui.connection.stats import ConnectionStats
from natstui.widgets.fitting import Piece, line_width
from natstui.widgets.strip_text import HELD, SHAPES, SILENT, STYLES, StripView, cut_words, state_word, strip_lines

NOW = datetime(2026, 3, 14, 14, 2, 37, tzinfo=UTC)
WIDTHS = (36, 56, 76, 118, 200)


def view(
    state: ConnectionState = ConnectionState.CONNECTED, told: dict[str, Any] | None = None, **said: Any
) -> StripView:
    values: dict[str, Any] = {
        "connection_id": "a",
        "last_activity": NOW,
        "idle_timeout": "30m0s",
        "time_remaining": "29m58s",
        "is_healthy": True,
        "is_connected": True,
        "state": state,
        "server": "nats://n1.prod:4222",
        "rtt_ms": 0.41,
        "opens": 4,
    }
    return StripView(ConnectionStats(**(values | (told or {}))), NOW, **said)


def text(shown: StripView, width: int = 118) -> str:
    return "\n".join("".join(piece.text for piece in line) for line in strip_lines(shown, width))


def test_connected_tells_every_figure() -> None:
    told = {
        "last_in": NOW - timedelta(seconds=2),
        "last_out": NOW - timedelta(seconds=74),
        "pings_outstanding": 1,
        "reconnects": 3,
    }
    said = text(view(told=told))
    for words in ("● connected", "n1.prod:4222", "rtt 0.4 ms", "pings ●○ 1/2", "received 2 s ago", "sent 1m ago"):
        assert words in said
    assert "sleeps in 29:58 ━" in said and "reconnects 3" in said


def test_held_says_by_what() -> None:
    said = text(view(told={"time_remaining": "0s", "held_by": 2}))
    assert "◉ connected, held" in said and "held by 2 subscriptions" in said and "sleeps in" not in said


def test_asleep_says_since_when_and_how_it_wakes() -> None:
    told = {"down_since": NOW - timedelta(minutes=31, seconds=35), "is_connected": False}
    said = text(view(ConnectionState.IDLE, told))
    assert "☾ asleep" in said and "for 31m 35s" in said and "woke 3 times" in said and "wakes on the next use" in said


def test_reconnecting_says_which_attempt_when_and_why() -> None:
    told = {
        "attempt": 3,
        "next_attempt": NOW + timedelta(seconds=1.6),
        "down_since": NOW - timedelta(seconds=7),
        "buffered": 12,
    }
    said = text(
        view(ConnectionState.RECONNECTING, told, cause="lost n1: no pong for 41 s", trying="nats://n2.prod:4222")
    )
    for words in (
        "◐ reconnecting",
        "attempt 3",
        "n2.prod:4222 in 2 s",
        "offline 7.0 s",
        "no pong for 41 s",
        "12 buffered",
    ):
        assert words in said
    told["next_attempt"] = NOW - timedelta(seconds=1)
    trying = {"trying": "nats://n2.prod:4222", "trying_since": NOW - timedelta(seconds=3.2)}
    assert "n2.prod:4222 trying 3 s" in text(view(ConnectionState.RECONNECTING, told, **trying))
    told["next_attempt"] = None
    for width in WIDTHS:
        said = text(view(ConnectionState.RECONNECTING, told, **trying), width)
        assert ("attempt 3" in said or "#3 " in said) and "trying 3 s" in said and "now" not in said


def test_failed_says_the_reason_and_the_remedy() -> None:
    said = text(view(ConnectionState.FAILED, problem="n1: authentication refused", remedy="check the password"))
    assert "✕ failed" in said and "authentication refused" in said and "→ check the password" in said


@pytest.mark.parametrize(
    ("unanswered", "allowed", "seconds", "is_silent"),
    [(1, 2, 19, False), (1, 2, 20, True), (2, 2, 10, True), (1, 1, 9, False), (1, 1, 10, True), (0, 2, 90, False)],
)
def test_unanswered_pings_are_no_plain_connected(unanswered: int, allowed: int, seconds: int, is_silent: bool) -> None:
    told = {"pings_outstanding": unanswered, "max_outstanding_pings": allowed, "ping_interval": 20.0}
    shown = view(told=told, unanswered_since=NOW - timedelta(seconds=seconds))
    assert (state_word(shown) == (*SILENT, "warning")) is is_silent
    for width in WIDTHS:
        said = text(shown, width)
        assert (f"silent for {seconds} s" in said or f"silent {seconds} s" in said) is is_silent
        assert ("● connected" in said) is not is_silent


def test_in_a_narrow_panel_the_pings_stay() -> None:
    told = {"pings_outstanding": 1, "server": "nats://a.host.with.a.long.name:4222"}
    assert "pings ●○" in text(view(told=told), 38)


def test_times_are_told_as_past_at_any_width() -> None:
    told = {"last_in": NOW - timedelta(minutes=3, seconds=12), "last_out": None}
    assert "received 3m ago" in text(view(told=told)) and "sent nothing" in text(view(told=told))
    assert "got 3m ago" in text(view(told=told), 38) and "sleeps in 29:58" in text(view(told=told), 38)


@pytest.mark.parametrize("seconds", [0, 5, 59, 60, 3599, 3600, 86399, 86400, 90 * 86400])
def test_what_follows_a_time_does_not_move_while_it_goes_on(seconds: int) -> None:
    before, after = (
        text(view(told={"last_in": NOW - timedelta(seconds=past), "last_out": NOW})) for past in (seconds, 14)
    )
    assert before.index("sent") == after.index("sent")


def test_only_what_the_strip_cuts_is_left_to_say_elsewhere() -> None:
    said = {"problem": "n1: authentication refused", "remedy": "check the password, or the nkey and its file"}
    shown = view(ConnectionState.FAILED, **said)
    assert cut_words(shown, 118) == ""
    assert cut_words(shown, 34) == "n1: authentication refused; check the password, or the nkey and its file"
    assert cut_words(shown, 40) == "check the password, or the nkey and its file"
    assert cut_words(view(), 38) == ""


def test_a_connection_that_never_sleeps_says_so() -> None:
    assert "never sleeps" in text(view(told={"idle_timeout": "0s", "time_remaining": "0s"}))


def test_every_state_has_a_shape_and_a_word_of_its_own() -> None:
    told = [state_word(view(state)) for state in ConnectionState]
    held = state_word(view(told={"time_remaining": "0s", "held_by": 1}))
    assert held[:2] == HELD
    shapes = [shape for shape, _, _ in (*told, held)]
    words = [word for _, word, _ in (*told, held)]
    assert len(set(shapes)) == len(shapes) == len(SHAPES) + 1
    assert len(set(words)) == len(words) and set(STYLES) == set(ConnectionState)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("state", list(ConnectionState))
def test_both_lines_fit_and_say_the_state_at_any_width(state: ConnectionState, width: int) -> None:
    shown = view(
        state,
        {"down_since": NOW - timedelta(days=3), "attempt": 1234, "reconnects": 99_999, "held_by": 3, "rtt_ms": 1234.5},
        cause="a long story of what went wrong on the way to the server that was there a moment ago",
        problem="nats://a.very.long.host.name.example.org:4222: nothing listens there (connection refused)",
        remedy="check the port, or start a nats-server; then press r",
        trying="nats://another.very.long.host.name.example.org:4222",
    )
    lines = strip_lines(shown, width)
    assert all(line_width(line) <= width for line in lines)
    shape, word, _ = state_word(shown)
    assert "".join(piece.text for piece in lines[0]).startswith(f"{shape} {word.partition(',')[0]}")


@given(
    state=st.sampled_from(list(ConnectionState)),
    width=st.integers(0, 150),
    words=st.text(max_size=80),
    number=st.integers(0, 10**9),
    seconds=st.floats(-100, 10**7),
)
def test_nothing_that_is_said_overflows_or_carries_escapes(
    state: ConnectionState, width: int, words: str, number: int, seconds: float
) -> None:
    moment = NOW - timedelta(seconds=seconds)
    told = {
        "server": words,
        "pings_outstanding": number % 9,
        "reconnects": number,
        "opens": number,
        "attempt": number,
        "last_in": moment,
        "down_since": moment,
        "next_attempt": NOW + timedelta(seconds=seconds),
        "last_error": words,
        "held_by": number % 3,
    }
    shown = view(state, told, cause=words, problem=words, remedy=words, trying=words)
    for line in strip_lines(shown, width):
        assert line_width(line) <= width
        assert all(piece.text.isprintable() for piece in line if isinstance(piece, Piece))
