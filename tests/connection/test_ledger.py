"""The ledger finds what is lost and what is missing unmarked: the cluster's tests and benchmark rest on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from natstui.connection import Disconnected, Reconnected
from tests.connection.conftest import Managed
from tests.connection.ledger import Arrivals, Publishing, lost

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def publisher(managed: Managed) -> Publishing:
    """Ten confirmed numbers from 100 on."""
    made = Publishing(managed("nats://127.0.0.1:1"), 100)
    made.next = 110
    made.confirmed = set(range(100, 110))
    return made


@pytest.fixture
def arrivals(managed: Managed) -> Arrivals:
    """101 to 108 without 104 and 105, one a second; and a number of another publisher."""
    made = Arrivals(managed("nats://127.0.0.1:1"))
    for number in (101, 102, 103, 7, 106, 107, 108):
        made.arrived_at[number] = START + timedelta(seconds=number)
    return made


def test_missing_is_what_lies_between_the_first_and_the_last_arrival(publisher: Publishing, arrivals: Arrivals) -> None:
    assert arrivals.missing(publisher) == [104, 105]
    assert publisher.latest(arrivals.arrived_at) == 108


def test_lost_is_what_came_to_no_collector_since_all_listen(
    publisher: Publishing, arrivals: Arrivals, managed: Managed
) -> None:
    assert lost(publisher, arrivals) == {104, 105, 109}
    other = Arrivals(managed("nats://127.0.0.1:1"))
    other.arrived_at = {102: START, 104: START}
    assert lost(publisher, arrivals, other) == {105, 109}


@pytest.mark.parametrize(
    ("down", "up", "unmarked"),
    [
        (103.5, 105.5, []),
        (103.5, 106.5, [104, 105]),
        (102.5, 105.5, [104, 105]),
        (107.1, 107.2, [104, 105]),
        (None, 105.5, [104, 105]),
    ],
    ids=["around it", "up too late", "down too early", "elsewhere", "never down"],
)
def test_a_missing_stretch_is_marked_only_by_events_within_it(
    publisher: Publishing, arrivals: Arrivals, down: float | None, up: float, unmarked: list[int]
) -> None:
    if down is not None:
        lost_at = Disconnected("nats://a", "gone", at=START + timedelta(seconds=down))
        arrivals.record.entries.append((0.0, lost_at))
    back_at = Reconnected("nats://a", 1.0, at=START + timedelta(seconds=up))
    arrivals.record.entries.append((0.0, back_at))
    assert arrivals.unmarked(publisher) == unmarked
