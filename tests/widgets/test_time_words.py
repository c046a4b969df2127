"""Times and numbers in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from natstui.widgets.time_words import ago, bytes_words, countdown, milliseconds, minutes, plural, span

NOW = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.9, "59 s"),
        (125, "2m 05s"),
        (11520, "3h 12m"),
        (356400, "4d 03h"),
    ],
)
def test_spans(seconds: float, told: str) -> None:
    assert span(seconds) == told and len(told) <= 7


def test_ago() -> None:
    assert ago(None, NOW) == "never"
    assert ago(NOW, NOW) == "now"
    assert ago(NOW - timedelta(seconds=2.9), NOW) == "2 s ago"
    assert ago(NOW - timedelta(minutes=3), NOW) == "3m 00s ago"
    assert ago(NOW + timedelta(seconds=5), NOW) == "now"


def test_countdowns() -> None:
    assert [countdown(seconds) for seconds in (-3, 59.6, 1798, 3723, 273_600)] == [
        "0:00",
        "1:00",
        "29:58",
        "1:02:03",
        "3d 04h",
    ]


def test_the_rest() -> None:
    assert [minutes(seconds) for seconds in (0.25, 45, 1800, 5400, 3661)] == [
        "0.25 s",
        "45 s",
        "30m",
        "1h 30m",
        "1h 1m 1s",
    ]
    assert [milliseconds(value) for value in (None, 0.41, 12.4, 1234)] == ["–", "0.4 ms", "12 ms", "1.2 s"]
    assert [plural(number, "panel") for number in (0, 1, 1200)] == ["0 panels", "1 panel", "1,200 panels"]
    assert plural(2, "reply", "replies") == "2 replies"
    assert [bytes_words(size) for size in (0, 1023, 1536, 5 << 20)] == ["0 B", "1023 B", "1.5 KiB", "5 MiB"]
