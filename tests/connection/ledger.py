"""What was published with confirmation, what arrived, and whether every missing stretch was told."""

from __future__ import annotations

import asyncio
from bisect import bisect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from natstui.connection import (
    ConnectionState,
    Disconnected,
    ManagedConnection,
    Message,
    Outcome,
    Reconnected,
)
from tests.connection.event_record import EventRecord
from tests.waiting import until

SUBJECT = "ledger"


class Publishing:
    """Publishes numbers from `first` on, one after the other, each with confirmation, as fast as they are confirmed."""

    def __init__(self, connection: ManagedConnection, first: int = 0) -> None:
        self.connection = connection
        self.first = first
        self.next = first
        """The number published next; all below it have an outcome, or are under way."""
        self.confirmed: set[int] = set()
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self._stopping = False

    async def run(self) -> None:
        while not self._stopping:
            number, self.next = self.next, self.next + 1
            outcome = await self.connection.publish_confirmed(SUBJECT, b"%d" % number, timeout=30)
            self.outcomes[outcome.outcome] += 1
            if outcome.outcome is Outcome.CONFIRMED:
                self.confirmed.add(number)

    def stop(self) -> None:
        self._stopping = True

    def latest(self, arrived: dict[int, Any]) -> int:
        """The last number of this publisher to have arrived; −1 for none."""
        return next((number for number in reversed(arrived) if self.first <= number < self.next), -1)


@asynccontextmanager
async def publishing(connection: ManagedConnection, first: int = 0) -> AsyncIterator[Publishing]:
    """Publish in the background; at the end, wait until the last message has its outcome."""
    publisher = Publishing(connection, first)
    await connection.open()
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
        publisher.stop()
        await asyncio.wait_for(task, 40)
    finally:
        task.cancel()


class Arrivals:
    """What a connection receives, and its events."""

    def __init__(self, connection: ManagedConnection) -> None:
        self.connection = connection
        self.record = EventRecord(connection)
        self.arrived_at: dict[int, datetime] = {}

    async def subscribe(self) -> Arrivals:
        await self.connection.subscribe(SUBJECT, self._take)
        return self

    def _take(self, message: Message) -> None:
        self.arrived_at.setdefault(int(message.data), datetime.now(UTC))

    async def hear_from(self, *connections: ManagedConnection) -> None:
        """Wait until what these publish arrives here: a node tells the others of a subscription in its own time."""

        async def is_heard(connection: ManagedConnection, number: int) -> bool:
            await connection.publish_confirmed(SUBJECT, b"%d" % number)
            return number in self.arrived_at

        for number, connection in enumerate(connections, 1):
            await until(lambda connection=connection, number=number: is_heard(connection, -number), timeout=20)

    async def keep_up_with(self, publisher: Publishing, more: int = 30) -> None:
        """Wait until messages published from now on arrive here, `more` of them later."""
        goal = publisher.next + more
        await until(
            lambda: self.connection.state is ConnectionState.CONNECTED and publisher.latest(self.arrived_at) >= goal,
            timeout=40,
            what=f"{self.connection.stats().server} delivers number {goal}",
        )

    def first(self, publisher: Publishing) -> int:
        """The first number that came. Those before it went out before the publisher's node knew of the subscription."""
        return self._from(publisher)[0]

    def missing(self, publisher: Publishing) -> list[int]:
        """What was confirmed between the first arrival and the last, and never came here."""
        arrived = self._from(publisher)
        return sorted(n for n in publisher.confirmed.difference(arrived) if arrived[0] < n < arrived[-1])

    def unmarked(self, publisher: Publishing) -> list[int]:
        """What is missing though no disconnect and reconnect were told between its neighbours' arrivals."""
        downs = [event.at for event in self.record.of(Disconnected)]
        ups = [event.at for event in self.record.of(Reconnected)]
        arrived = self._from(publisher)
        found = []
        for number in self.missing(publisher):
            place = bisect(arrived, number)
            before, after = self.arrived_at[arrived[place - 1]], self.arrived_at[arrived[place]]
            if not any(before <= at <= after for at in downs) or not any(before <= at <= after for at in ups):
                found.append(number)
        return found

    def _from(self, publisher: Publishing) -> list[int]:
        return sorted(number for number in self.arrived_at if publisher.first <= number < publisher.next)


def lost(publisher: Publishing, *collectors: Arrivals) -> set[int]:
    """What was confirmed since all collectors hear the publisher, and came to none of them."""
    since = max(collector.first(publisher) for collector in collectors)
    received = set[int]().union(*(collector.arrived_at for collector in collectors))
    return {number for number in publisher.confirmed - received if number >= since}
