"""The strip as it looks in each state, narrow and wide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from textual.app import App, ComposeResult

from natstui.app import STYLES
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ConnectionStats
from natstui.styles.themes import DARK
from natstui.widgets.connection_strip import ConnectionStrip
from natstui.widgets.strip_text import StripView
from tests.fake_connection import START

STATES: dict[str, tuple[ConnectionState, dict[str, Any], dict[str, Any]]] = {
    "new": (ConnectionState.NEW, {"server": None, "opens": 0}, {"trying": "nats://n1.prod:4222"}),
    "opening": (ConnectionState.OPENING, {"server": None, "opens": 0}, {"trying": "nats://n1.prod:4222"}),
    "waking": (ConnectionState.OPENING, {"attempt": 2}, {"cause": "n2.prod:4222: no answer within 5 s"}),
    "connected": (ConnectionState.CONNECTED, {"held_by": 1}, {}),
    "pinging": (ConnectionState.CONNECTED, {"pings_outstanding": 1, "reconnects": 12}, {}),
    "stale": (ConnectionState.CONNECTED, {"pings_outstanding": 2, "time_remaining": "41s"}, {}),
    "silent": (
        ConnectionState.CONNECTED,
        {"pings_outstanding": 2},
        {"unanswered_since": START - timedelta(seconds=23)},
    ),
    "trying": (
        ConnectionState.RECONNECTING,
        {"attempt": 6, "down_since": START - timedelta(seconds=47)},
        {
            "cause": "n2.prod:4222: no answer within 5 s · lost n1.prod:4222: no pong for 41 s",
            "trying": "nats://n2.prod:4222",
            "trying_since": START - timedelta(seconds=3),
        },
    ),
    "many-pings": (ConnectionState.CONNECTED, {"pings_outstanding": 7, "max_outstanding_pings": 20}, {}),
    "never-sleeps": (ConnectionState.CONNECTED, {"idle_timeout": "0s", "time_remaining": "0s"}, {}),
    "held": (ConnectionState.CONNECTED, {"time_remaining": "0s", "held_by": 1}, {}),
    "reconnecting": (
        ConnectionState.RECONNECTING,
        {"attempt": 3, "next_attempt": START + timedelta(seconds=1.6), "down_since": START - timedelta(seconds=7)},
        {"cause": "lost n1.prod:4222: no pong for 41 s (2 of 2 pings out)", "trying": "nats://n2.prod:4222"},
    ),
    "asleep": (ConnectionState.IDLE, {"down_since": START - timedelta(minutes=31, seconds=35)}, {}),
    "failed": (
        ConnectionState.FAILED,
        {"down_since": START},
        {"problem": "nats://n1.prod:4222: the server refused the credentials", "remedy": "check user and password"},
    ),
    "draining": (ConnectionState.DRAINING, {}, {}),
    "closed": (ConnectionState.CLOSED, {}, {"cause": "closed by its owner"}),
}


class StripApp(App[None]):
    """One strip."""

    CSS_PATH = [STYLES / "dashboard.tcss"]  # noqa: RUF012

    def __init__(self, view: StripView) -> None:
        super().__init__()
        self._view = view
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield ConnectionStrip()

    def on_mount(self) -> None:
        self.query_one(ConnectionStrip).view = self._view


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", STATES)
def test_strip(snap_compare: Callable[..., bool], name: str, size: tuple[int, int]) -> None:
    state, told, said = STATES[name]
    values: dict[str, Any] = {
        "connection_id": "orders",
        "last_activity": START,
        "idle_timeout": "30m0s",
        "time_remaining": "29m58s",
        "is_healthy": True,
        "is_connected": state is ConnectionState.CONNECTED,
        "state": state,
        "server": "nats://n1.prod:4222",
        "rtt_ms": 0.41,
        "last_in": START - timedelta(seconds=2),
        "last_out": START - timedelta(seconds=74),
        "opens": 4,
    }
    view = StripView(ConnectionStats(**(values | told)), START, **said)
    assert snap_compare(StripApp(view), terminal_size=size)
