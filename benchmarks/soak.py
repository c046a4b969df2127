"""Six hours of an operations team's faults in some minutes, against the real dashboard: `python -m benchmarks.soak`.

Prints what the process is made of as time goes by, and whether all of it stayed flat. README.md says what happens.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.aio.msg import Msg

from benchmarks.soak_site import CONTEXTS, IDS, PANELS, PATIENCE, Operator, Servers, soak_directory
from tests.waiting import until, until_sync

CYCLES = 360
"""One for each minute of six hours."""
INTERVALS = 12
FAULTS = ("kill -9", "SIGTERM", "freeze")
FLOOD = 20_000
MEMORY_GROWTH = 1.05
"""What still counts as flat: the median of the last third over that of the second."""


class NotRecoveredError(Exception):
    """A panel did not come back; the message says which, and has the screen."""


@dataclass
class Sample:
    """The process at a quiet moment."""

    seconds: float
    resident: float
    """MB."""
    tasks: int
    threads: int
    descriptors: int
    connections: int
    """TCP connections of natstui at the servers."""
    reconnects: int
    opens: int
    received: int
    events: int
    recovered: int
    """Panels that work."""


class Soak:
    """The run.

    Args:
        seed: of everything that happens at random.
    """

    def __init__(self, servers: Servers, operator: Operator, rng: random.Random) -> None:
        self._servers = servers
        self._operator = operator
        self._rng = rng
        self._context = dict.fromkeys(IDS, CONTEXTS[0])
        self.done: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.tasks: list[dict[str, int]] = []
        self._began = time.monotonic()
        self._checks = 0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    # What happens

    def cycle(self, number: int) -> None:
        """A minute of an operator's day."""
        self.restart(FAULTS[number % 3])
        if number % 2 == 0:
            self.sleep_and_wake()
        if number % 3 == 0:
            self.switch()
        if number % 6 == 0:
            self.flood()
        if number % 10 == 0:
            self._operator.look_around()
            self.done["looks around"] += 1
        if number % 15 == 0:
            self._operator.open_and_close()
            self.done["panels opened, closed"] += 1
        self._operator.send()
        self.done["sends"] += 2

    def restart(self, kind: str) -> None:
        """A server falls, the operator goes on typing, it comes back."""
        name = self._rng.choice(sorted(set(self._context.values())))
        self._servers.strike(name, kind)
        self._operator.send()
        time.sleep(self._rng.uniform(1.2, 2.2) if kind == "freeze" else self._rng.uniform(0, 0.8))
        self._servers.bring_back(name)
        if self._rng.random() < 0.2:
            # It falls again while everybody comes back.
            self._servers.strike(name, "kill -9")
            self._servers.bring_back(name)
            self.done["kill -9"] += 1
        self.done[kind] += 1
        self._are_listening()

    def sleep_and_wake(self) -> None:
        """A panel sleeps, for some time without its server, and is used again."""
        number = self._rng.randrange(len(IDS)) + 1
        self._operator.sleep(number)
        if self._rng.random() < 0.3:
            name = self._context[IDS[number - 1]]
            self._servers.strike(name, "kill -9")
            self._servers.bring_back(name)
            self.done["kill -9"] += 1
        self._operator.wake(number)
        self.done["sleeps, wakes"] += 1
        self._are_listening(IDS[number - 1])

    def switch(self) -> None:
        """One panel, or all, go to another context."""
        number = self._rng.choice((0, 0, 1, 2, 3, 4))
        ids = [IDS[number - 1]] if number else list(IDS)
        context = next(name for name in CONTEXTS if name != self._context[ids[0]])
        self._operator.switch(context, number)
        self._context |= dict.fromkeys(ids, context)
        self.done["context switches"] += 1
        self._are_listening(*ids)

    def flood(self) -> None:
        """More messages than can be read; at times the server falls under it."""
        name = self._context[IDS[0]]
        flood = self._servers.flood(name, FLOOD)
        if self._rng.random() < 0.3:
            self._servers.strike(name, "kill -9")
            self._servers.bring_back(name)
            self.done["kill -9"] += 1
        flood.join(PATIENCE)
        self.done["floods"] += 1
        self._are_listening()

    def _are_listening(self, *others: str) -> None:
        """Wait until the subscribe panels (and others) are connected where they belong, and the dashboard says so."""
        wanted = {name: [self._context[name]] for name in (*IDS[:2], *others)}

        def are_listening() -> bool:
            return wanted.items() <= self._servers.connections().items() and self._operator.is_content()

        # A thawed server has yet to notice who left it, and the dashboard to paint what it knows.
        for _ in range(2):
            try:
                until_sync(are_listening, PATIENCE)
            except AssertionError:
                there = self._servers.connections()
                words = f"Not connected within {PATIENCE:g} s where they belong: {wanted}; there is {there}."
                raise NotRecoveredError(f"{words}\n{self._operator.screen()}") from None
            time.sleep(0.2)

    # What it is like

    def sample(self) -> Sample:
        """Try every panel, then look at the process."""
        recovered = asyncio.run(self._check())
        operator = self._operator
        received = operator.received()
        tasks = operator.tasks()
        operator.log.count()
        made = Sample(
            self.elapsed,
            operator.resident(),
            sum(tasks.values()),
            operator.threads(),
            operator.descriptors(),
            sum(len(where) for where in self._servers.connections().values()),
            operator.log.reconnects,
            operator.log.opens,
            received,
            operator.log.events,
            recovered,
        )
        self.samples.append(made)
        self.tasks.append(tasks)
        return made

    async def _check(self) -> int:
        """How many panels work: show what is published, publish what arrives, get answers."""
        self._checks += 1
        note = f"note-{self._checks}-{self._rng.randrange(10**6)}"
        heard: list[bytes] = []

        async def hear(message: Msg) -> None:
            heard.append(message.subject.encode())

        async def answer(message: Msg) -> None:
            await message.respond(f"answer {note}".encode())

        clients = [await nats.connect(server.url) for server in self._servers.all.values()]
        for client in clients:
            await client.subscribe("soak.out", cb=hear)
            await client.subscribe("soak.ask", cb=answer)
        for client in clients:
            await client.publish("soak.flood.note", f"first {note}".encode())
            await client.publish("soak.note", f"second {note}".encode())
            # nats-py sends the PING of a flush before what waits to be sent.
            await client.flush()
            await client.flush()
        await asyncio.to_thread(self._operator.send)
        works = [
            await self._comes_true(lambda text: f"first {note}" in text),
            await self._comes_true(lambda text: f"second {note}" in text),
            await _until_or_not(lambda: bool(heard)),
            await self._comes_true(lambda text: f"answer {note}" in text),
        ]
        for client in clients:
            await client.close()
        return sum(works)

    async def _comes_true(self, holds: Callable[[str], bool]) -> bool:
        try:
            await asyncio.to_thread(self._operator.sees, holds, 10.0)
        except TimeoutError as error:
            print(error, file=sys.stderr)
            return False
        return True


async def _until_or_not(holds: Callable[[], bool]) -> bool:
    try:
        return bool(await until(holds, 10.0))
    except AssertionError:
        return False


HEADS = (
    ("time", "{0.seconds:.0f} s"),
    ("MB", "{0.resident:.1f}"),
    ("tasks", "{0.tasks}"),
    ("threads", "{0.threads}"),
    ("fds", "{0.descriptors}"),
    ("TCP", "{0.connections}"),
    ("reconnects", "{0.reconnects:,}"),
    ("opens", "{0.opens:,}"),
    ("received", "{0.received:,}"),
    ("log lines", "{0.events:,}"),
    ("panels ok", "{0.recovered}/4"),
)


def row(cells: Sequence[str]) -> str:
    return "".join(f"{cell:>11}" for cell in cells)


def thirds(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """What was in the second third, and in the last."""
    third = max(1, len(values) // 3)
    return values[third:-third] or values[:1], values[-third:]


def verdicts(samples: Sequence[Sample], code: int, left: int) -> list[tuple[bool, str]]:
    """What came of it, each with whether it is well."""
    middle, last = thirds([sample.resident for sample in samples])
    before, after = statistics.median(middle), statistics.median(last)
    found = [
        (
            after <= before * MEMORY_GROWTH,
            f"memory: {before:.1f} MB in the second third, {after:.1f} MB in the last ({after / before - 1:+.1%})",
        )
    ]
    for name in ("tasks", "threads", "descriptors"):
        middle, last = thirds([getattr(sample, name) for sample in samples])
        found.append(
            (max(last) <= max(middle), f"{name}: at most {max(middle)} in the second third, {max(last)} in the last")
        )
    recovered = sum(sample.recovered for sample in samples)
    found.append((recovered == 4 * len(samples), f"panels that worked when tried: {recovered} of {4 * len(samples)}"))
    extra = max(sample.connections for sample in samples) - len(IDS)
    found.append((extra == 0, f"connections at the servers beyond one a panel: {extra}"))
    found.append((code == 0 and left == 0, f"left with exit code {code}, and {left} connections at the servers"))
    return found


def main(cycles: int, minutes: float, events: int, seed: int) -> int:
    """Print the table and the verdict; 1 where something is not well."""
    logging.disable(logging.CRITICAL)
    rng = random.Random(seed)
    with soak_directory() as place:
        servers = Servers(Path(place), rng)
        try:
            with Operator(Path(place)) as operator:
                soak = Soak(servers, operator, rng)
                print(f"{len(PANELS)} panels on two contexts, seed {seed}")
                print(row([head for head, _ in HEADS]), flush=True)
                progress, number = 0.0, 0
                show(soak.sample())
                while progress < 1:
                    number += 1
                    soak.cycle(number)
                    progress = max(
                        number / cycles,
                        soak.elapsed / 60 / minutes if minutes else 0,
                        soak.done.total() / events if events else 0,
                    )
                    if progress >= len(soak.samples) / INTERVALS:
                        show(soak.sample())
                code = operator.leave()
            left = len(servers.connections())
        finally:
            servers.stop()
    print(
        f"\n{soak.done.total():,} events: " + ", ".join(f"{count} × {what}" for what, count in soak.done.most_common())
    )
    more = Counter(soak.tasks[-1]) - Counter(soak.tasks[0])
    if more:
        print("tasks beyond those at the start: " + ", ".join(f"{count} × {name}" for name, count in more.items()))
    is_well = True
    for well, words in verdicts(soak.samples[1:], code, left):
        print(f"{'✓' if well else '✕'} {words}")
        is_well = is_well and well
    return 0 if is_well else 1


def show(sample: Sample) -> None:
    print(row([form.format(sample) for _, form in HEADS]), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=CYCLES, help=f"minutes of six hours (default {CYCLES})")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so many minutes")
    parser.add_argument("--events", type=int, default=0, help="stop after so many events")
    parser.add_argument("--seed", type=int, default=1, help="of what happens at random (default 1)")
    given = parser.parse_args()
    try:
        sys.exit(main(given.cycles, given.minutes, given.events, given.seed))
    except NotRecoveredError as problem:
        sys.exit(f"✕ {problem}")
