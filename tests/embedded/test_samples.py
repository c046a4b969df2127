"""The demo's messages are believable, lively, and the same for the same seed."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest

from natstui.embedded.samples import Sample, samples

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def first(seconds: float, seed: int = 7, rate: float = 1.0) -> list[Sample]:
    return list(itertools.takewhile(lambda sample: sample.at < seconds, samples(seed, rate, STARTED)))


def test_the_same_seed_gives_the_same_messages_and_another_seed_others() -> None:
    assert first(60) == first(60)
    assert first(60) != first(60, seed=8)


@pytest.mark.parametrize("seed", range(5))
def test_about_ten_messages_a_second_in_order_of_time(seed: int) -> None:
    messages = first(600, seed)
    assert 6 < len(messages) / 600 < 14
    assert messages == sorted(messages, key=lambda message: message.at)


def test_the_rate_is_a_multiplier() -> None:
    slow, fast = first(60), first(60, rate=10)
    assert [message.subject for message in fast[: len(slow)]] == [message.subject for message in slow]
    assert [message.at * 10 for message in fast[: len(slow)]] == pytest.approx([message.at for message in slow])


@pytest.mark.parametrize("seed", range(5))
def test_orders_come_in_bursts_with_pauses_between_and_something_is_there_at_once(seed: int) -> None:
    at = [message.at for message in first(300, seed) if message.subject.startswith("orders.")]
    assert at[0] < 3
    assert max(later - earlier for earlier, later in itertools.pairwise(at)) > 1.5
    busiest = max(sum(start <= other < start + 1 for other in at) for start in at)
    assert busiest >= 9


@pytest.mark.parametrize("seed", range(5))
def test_every_order_lives_a_coherent_life(seed: int) -> None:
    lives: dict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    traces: dict[int, set[str]] = defaultdict(set)
    for message in first(300, seed):
        if message.subject.startswith("orders."):
            body = json.loads(message.payload)
            lives[body["id"]].append((message.subject.removeprefix("orders."), body))
            traces[body["id"]].add(message.headers["Trace-Id"])
    whole = [
        ["created", "payment.ok", "shipped", "delivered"],
        ["created", "payment.ok", "cancelled"],
        ["created", "payment.failed", "cancelled"],
    ]
    assert all(any([step for step, _ in life] == path[: len(life)] for path in whole) for life in lives.values())
    assert {tuple(step for step, _ in life) for life in lives.values()} >= {tuple(path) for path in whole}
    assert all(len(trace) == 1 for trace in traces.values())
    for life in lives.values():
        bodies = dict(life)
        created = bodies["created"]
        assert created["total"] == pytest.approx(sum(i["price"] * i["quantity"] for i in created["items"]))
        if "payment.ok" in bodies:
            assert bodies["payment.ok"]["amount"] == created["total"]


def test_message_ids_are_unique_and_times_are_the_wall_clocks() -> None:
    messages = first(120)
    ids = [message.headers["Nats-Msg-Id"] for message in messages if "Nats-Msg-Id" in message.headers]
    assert len(set(ids)) == len(ids) > 100
    for message in messages:
        shown = datetime.fromisoformat(json.loads(message.payload)["at"])
        assert abs((shown - STARTED).total_seconds() - message.at) < 0.01


def test_metrics_name_their_host_and_stay_plausible() -> None:
    subjects = set()
    for message in first(300):
        if message.subject.startswith("metrics."):
            subjects.add(message.subject)
            body = json.loads(message.payload)
            assert body["value"] > 0
            assert body["unit"] != "%" or body["value"] <= 140
    assert {subject.count(".") for subject in subjects} == {2}
    assert len(subjects) == 8
