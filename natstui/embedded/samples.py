"""The sample messages of `natstui demo`: a small shop's orders and its machines' metrics."""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

CATALOGUE = {
    "kettle-1l": 39.0,
    "mug-blue": 12.5,
    "scale-pro": 64.0,
    "strainer": 6.4,
    "tea-oolong": 8.9,
    "tea-sencha": 11.2,
    "tin-500g": 15.75,
}
CUSTOMERS = ("ada", "barbara", "dennis", "edsger", "frances", "grace", "katherine", "ken", "margaret", "radia")
CARRIERS = ("bluebird", "northline", "postal")
DECLINES = ("card declined", "insufficient funds", "bank timeout")
REGRETS = ("changed my mind", "ordered twice", "delivery too late")
GAUGES = {
    "web-1": {"cpu": (35.0, "%"), "latency": (18.0, "ms"), "requests": (240.0, "1/s")},
    "web-2": {"cpu": (41.0, "%"), "latency": (21.0, "ms"), "requests": (225.0, "1/s")},
    "db-1": {"cpu": (22.0, "%"), "memory": (61.0, "%")},
}
METRICS_EVERY = 1.6
FIRST_ORDER = 1001


@dataclass(frozen=True, slots=True)
class Sample:
    """One message, `at` seconds after the start."""

    at: float
    subject: str
    payload: bytes
    headers: dict[str, str]


def samples(seed: int | None = None, rate: float = 1.0, started: datetime | None = None) -> Iterator[Sample]:
    """Messages without end, in the order of `at`: about ten a second at `rate` 1, orders in bursts with pauses between.

    The same `seed`, `rate` and `started` (the wall clock at the start, default now) give the same messages. Every
    order is coherent: `orders.created`, then `orders.payment.ok` or `.failed`, then `orders.shipped` and
    `orders.delivered` or `orders.cancelled`, under one id and one `Trace-Id`. Metrics are `metrics.<host>.<name>`.
    """
    return _Shop(random.Random(seed), rate, started or datetime.now(UTC)).run()


@dataclass(frozen=True, slots=True)
class _Order:
    id: int
    customer: str
    total: float
    trace: str


class _Shop:
    def __init__(self, rng: random.Random, rate: float, started: datetime) -> None:
        self._rng = rng
        self._rate = rate
        self._started = started
        self._now = 0.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._orders = itertools.count(FIRST_ORDER)
        self._made: list[Sample] = []
        self._order_rate = 0.0
        self._quiet_until = 0.0

    def run(self) -> Iterator[Sample]:
        self._burst()
        for index, host in enumerate(GAUGES):
            for number, name in enumerate(GAUGES[host]):
                self._gauge(host, name, first=0.2 + index * 0.37 + number * 0.11)
        while True:
            self._now, _, action = heapq.heappop(self._agenda)
            action()
            yield from self._made
            self._made.clear()

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self._now + delay, next(self._numbers), action))

    def _step(self, delay: float, action: Callable[[], None]) -> None:
        """A step of an order: nothing happens to orders in a pause, and it all comes after it."""

        def act() -> None:
            if self._now < self._quiet_until:
                self._later(self._quiet_until - self._now + self._rng.uniform(0.0, 0.8), action)
            else:
                action()

        self._later(delay, act)

    def _say(self, subject: str, body: dict[str, Any], headers: dict[str, str]) -> None:
        at = self._now / self._rate
        body["at"] = (self._started + timedelta(seconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers["Content-Type"] = "application/json"
        self._made.append(Sample(at, subject, json.dumps(body).encode(), headers))

    # --- how busy the shop is ------------------------------------------------------------------------------

    def _burst(self) -> None:
        self._phase(rate=4.0, lasts=self._rng.uniform(1.5, 3.5), then=self._steady)

    def _steady(self) -> None:
        then = self._burst if self._rng.random() < 0.5 else self._pause
        self._phase(rate=1.0, lasts=self._rng.uniform(5.0, 11.0), then=then)

    def _pause(self) -> None:
        lasts = self._rng.uniform(2.0, 4.0)
        self._quiet_until = self._now + lasts
        self._phase(rate=0.0, lasts=lasts, then=self._burst if self._rng.random() < 0.4 else self._steady)

    def _phase(self, rate: float, lasts: float, then: Callable[[], None]) -> None:
        self._order_rate = rate
        self._later(lasts, then)
        if rate:
            self._next_customer(self._now + lasts)

    def _next_customer(self, closing: float) -> None:
        delay = self._rng.expovariate(self._order_rate)
        if self._now + delay < closing:

            def arrive() -> None:
                self._create()
                self._next_customer(closing)

            self._later(delay, arrive)

    # --- the life of an order ------------------------------------------------------------------------------

    def _tell(self, order: _Order, what: str, **body: Any) -> None:
        headers = {"Nats-Msg-Id": f"{order.id}-{what}", "Trace-Id": order.trace}
        self._say(f"orders.{what}", {"id": order.id, **body}, headers)

    def _create(self) -> None:
        rng = self._rng
        skus = rng.sample(sorted(CATALOGUE), k=rng.choices((1, 2, 3), (6, 3, 1))[0])
        items = [{"sku": sku, "quantity": rng.choice((1, 1, 1, 2, 3)), "price": CATALOGUE[sku]} for sku in skus]
        total = round(sum(float(item["price"]) * int(item["quantity"]) for item in items), 2)
        order = _Order(next(self._orders), rng.choice(CUSTOMERS), total, f"{rng.getrandbits(64):016x}")
        self._tell(order, "created", customer=order.customer, items=items, total=total, currency="EUR")
        self._step(rng.uniform(0.3, 1.8), lambda: self._pay(order))

    def _pay(self, order: _Order) -> None:
        rng = self._rng
        if rng.random() < 0.12:
            reason = rng.choice(DECLINES)
            self._tell(order, "payment.failed", amount=order.total, reason=reason)
            self._step(rng.uniform(0.8, 2.5), lambda: self._cancel(order, reason, refund=0.0))
            return
        self._tell(
            order,
            "payment.ok",
            amount=order.total,
            method=rng.choice(("card", "card", "transfer", "wallet")),
            reference=f"pay_{rng.getrandbits(40):010x}",
        )
        if rng.random() < 0.05:
            self._step(rng.uniform(1.0, 4.0), lambda: self._cancel(order, rng.choice(REGRETS), refund=order.total))
        else:
            self._step(rng.uniform(3.0, 9.0), lambda: self._ship(order))

    def _ship(self, order: _Order) -> None:
        rng = self._rng
        carrier = rng.choice(CARRIERS)
        tracking = f"{carrier[:2].upper()}{rng.randrange(10**9):09d}"
        self._tell(order, "shipped", carrier=carrier, tracking=tracking, parcels=rng.choice((1, 1, 1, 2)))
        self._step(rng.uniform(6.0, 20.0), lambda: self._tell(order, "delivered", tracking=tracking))

    def _cancel(self, order: _Order, reason: str, refund: float) -> None:
        self._tell(order, "cancelled", reason=reason, refund=refund)

    # --- machines ------------------------------------------------------------------------------------------

    def _gauge(self, host: str, name: str, first: float) -> None:
        usual, unit = GAUGES[host][name]
        value = usual

        def measure() -> None:
            nonlocal value
            value += (usual - value) * 0.1 + self._rng.gauss(0.0, usual * 0.06)
            value = max(usual * 0.1, min(value, usual * 2.2))
            self._say(f"metrics.{host}.{name}", {"value": round(value, 1), "unit": unit}, {})
            self._later(METRICS_EVERY * self._rng.uniform(0.9, 1.1), measure)

        self._later(first, measure)
