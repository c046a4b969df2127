"""What a stale connection is explained with, and what is to be changed."""

from __future__ import annotations

import pytest

from natstui.connection.events import StaleConnection
from natstui.stale_advice import detection_bounds, explain_stale


def stale(allowed: int = 2, by: str = "client", silent: float | None = 41.3, interval: float | None = 20.0) -> str:
    told = explain_stale(StaleConnection(allowed, allowed, by, silent, interval))
    return "\n".join((told.noticed, told.settings, *told.changes))


def test_the_bounds_are_those_of_the_pings_allowed() -> None:
    assert detection_bounds(20.0, 2) == (40.0, 60.0)
    assert detection_bounds(0.5, 1) == (0.5, 1.0)


def test_the_client_says_how_long_it_took_and_with_which_settings() -> None:
    told = explain_stale(StaleConnection(2, 2, "client", 41.3, 20.0))
    assert told.noticed == "natstui noticed after 41.3s of silence: 2 pings in a row went unanswered"
    assert told.settings == "ping every 20s × 2 allowed → noticed within 40s to 1m"
    assert any("natstui check" in change for change in told.changes)


def test_the_server_says_that_its_own_settings_decide() -> None:
    told = explain_stale(StaleConnection(0, 2, "server", 0.25, 20.0))
    assert told.noticed.startswith("the server noticed") and "had read nothing for 250ms before" in told.noticed
    assert "the server's ping_interval and ping_max decide" in told.settings and "ping every 20s × 2" in told.settings
    assert "raise ping_interval or ping_max in the server's configuration" in told.changes[-1]


@pytest.mark.parametrize(
    ("event", "said", "not_said"),
    [
        (stale(silent=61.5), "natstui itself stood still", None),
        (stale(silent=60.5), "natstui check", "natstui itself stood still"),
        (stale(interval=120.0, silent=300.0), "set ping_interval to 20s", "leaves a slow moment"),
        (stale(interval=120.0, silent=300.0), "A dead server goes unnoticed for up to 6m", None),
        (stale(interval=20.0), "must be shorter than 20s", "set ping_interval to 20s"),
        (stale(interval=1.0, silent=2.5), "lengthen ping_interval", "idle limit"),
        (stale(allowed=1, silent=30.0), "set max_outstanding_pings to 2", None),
        (stale(allowed=2), "natstui check", "max_outstanding_pings to 2"),
        (stale(by="server", interval=120.0), "shorter than its limit", "natstui noticed"),
        (stale(interval=None, silent=None), "2 unanswered pings allowed", "None"),
    ],
)
def test_what_to_change_follows_from_the_settings(event: str, said: str, not_said: str | None) -> None:
    assert said in event
    assert not_said is None or not_said not in event
