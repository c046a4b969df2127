"""The measurements: each runs the real dashboard against a real server, and says what it found beside its bar."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.dashboard import Dashboard, footer, received
from benchmarks.processes import ROOT, Child, Server, cpu_seconds, resident_bytes, waited_seconds
from benchmarks.publisher import NEEDLE

SUBJECT = "bench"
PANEL = ("--panel", f"subscribe:{SUBJECT}.>")
MB = 1_000_000
_UNLIMITED_SECONDS = 3.0
_FIRST_LETTER = 0x100
_MESSAGE = re.compile(r"│ \d\d:\d\d:\d\d\.\d{3}  ")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    bar: str
    is_met: bool
    detail: str = ""


@contextmanager
def flooded(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[tuple[Server, Child, Dashboard]]:
    """A server, a publisher, and a dashboard with one subscribe panel that listens to it."""
    with (
        Server() as server,
        Child("publisher", server.url, SUBJECT) as publisher,
        Dashboard("--server", server.url, *PANEL, *arguments, environment=environment) as dashboard,
    ):
        dashboard.until(lambda text: "1 connected" in text and received(text) >= 0)
        time.sleep(0.5)
        yield server, publisher, dashboard


def best(values: list[float]) -> float:
    """The smallest: what else the machine does can only add."""
    return min(values)


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all stay below or reach."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def spread(presses: list[Press]) -> str:
    """Median, p95 and maximum in milliseconds."""
    values = [1000 * press.seconds for press in presses]
    return f"median {percentile(values, 0.5):.0f}, p95 {percentile(values, 0.95):.0f}, max {max(values):.0f}"


# -- at the unlimited rate -----------------------------------------------------------------------------------


def unlimited() -> list[Row]:
    """How many messages the panel counts when the publisher does not wait, over how many a bare callback counts."""
    bare_wall, bare_cpu, wall, cpu = [], [], [], []
    sent = got = 0
    for _ in range(2):
        with (
            Server() as server,
            Child("publisher", server.url, SUBJECT) as publisher,
            Child("bare", server.url, f"{SUBJECT}.>") as bare,
        ):
            publisher.ask(seconds=_UNLIMITED_SECONDS)
            time.sleep(1.5)
            counted = bare.ask()
            bare_wall.append(counted["received"] / counted["seconds"])
            bare_cpu.append(counted["received"] / counted["cpu"])
        with flooded() as (server, publisher, dashboard):
            start, used = time.perf_counter(), cpu_seconds(dashboard.pid)
            told = publisher.ask(seconds=_UNLIMITED_SECONDS)
            end = settled(dashboard, told["sent"])
            used = cpu_seconds(dashboard.pid) - used
            count = dashboard.received()
            wall.append(count / (end - start))
            cpu.append(count / used)
            sent, got = sent + told["sent"], got + count
            hung_up = server.slow_consumers()
    ratio = max(wall) / max(bare_wall)
    return [
        Row(
            "counted at the unlimited rate ÷ bare nats-py",
            f"{ratio:.2f}",
            "≥ 3.0, aim 3.5",
            ratio >= 3.0,
            f"{max(wall):,.0f} and {max(bare_wall):,.0f} msgs/s; by CPU second {max(cpu) / max(bare_cpu):.2f} "
            f"({max(cpu):,.0f} and {max(bare_cpu):,.0f})",
        ),
        Row(
            "received of sent at the unlimited rate",
            f"{got / sent:.4f}",
            "≥ 0.97, 0 slow",
            got >= 0.97 * sent and not hung_up,
            f"{got:,} of {sent:,}; slow consumers {hung_up}",
        ),
    ]


def settled(dashboard: Dashboard, expected: int, seconds: float = 10.0) -> float:
    """Wait until the panel has counted `expected` messages, or stopped counting; return when."""
    try:
        return dashboard.until(lambda text: received(text) >= expected, seconds)
    except TimeoutError:
        return time.perf_counter()


# -- keys ----------------------------------------------------------------------------------------------------


def keys() -> list[Row]:
    """From a key press to its paint, while messages pour in."""
    rows = []
    for rate, bar in ((50_000, 60), (0, 100)):
        words = f"at {rate:,} msgs/s" if rate else "at the unlimited rate"
        with flooded() as (_, publisher, dashboard):
            count = {"count": 12 * rate, "rate": rate} if rate else {"seconds": 12.0}
            publisher.order(**count)
            time.sleep(0.3)
            toggled = toggle(dashboard, 30)
            typed = type_letters(dashboard, 60)
            publisher.answer()
        presses = toggled + typed
        p95 = percentile([press.seconds for press in presses], 0.95) * 1000
        without = percentile([press.seconds - press.waited for press in presses], 0.95) * 1000
        rows.append(
            Row(
                f"key press → paint, p95, {words}",
                f"{p95:.0f} ms",
                f"≤ {bar} ms",
                p95 <= bar,
                f"typing: {spread(typed)}; pause and follow: {spread(toggled)}; p95 less waits for a core "
                f"{without:.0f}",
            )
        )
    return rows


@dataclass(frozen=True)
class Press:
    """One key press, and what became of it."""

    seconds: float
    """Until its paint arrived."""
    waited: float
    """Of these, how many the dashboard was ready to go on and had no core."""


def type_letters(dashboard: Dashboard, count: int) -> list[Press]:
    """Type letters that stand nowhere else into a text field, and wait for each."""
    rng = random.Random(2)
    dashboard.press("i")
    time.sleep(0.5)
    presses = []
    for number in range(count):
        letter = chr(_FIRST_LETTER + number)
        presses.append(press(dashboard, letter, lambda letter=letter: dashboard.until_written(letter)))
        if number % 10 == 9:
            dashboard.text()
        time.sleep(rng.uniform(0.02, 0.1))
    return presses


def toggle(dashboard: Dashboard, count: int) -> list[Press]:
    """Pause and follow the list, and wait each time until the footer says so."""
    rng = random.Random(3)
    presses = []
    for number in range(count):
        word = "following" if number % 2 else "paused"

        def says(text: str, word: str = word) -> bool:
            return word in footer(text)

        presses.append(press(dashboard, " ", lambda says=says: dashboard.until(says)))
        time.sleep(rng.uniform(0.02, 0.1))
    return presses


def press(dashboard: Dashboard, key: str, painted: Callable[[], float]) -> Press:
    """Press a key and wait until it is painted."""
    waited = waited_seconds(dashboard.pid)
    pressed = dashboard.press(key)
    seconds = painted() - pressed
    return Press(seconds, min(seconds, waited_seconds(dashboard.pid) - waited))


# -- a flood that the client can hold ------------------------------------------------------------------------


def flood() -> list[Row]:
    """A million messages in ten seconds: what is left to do at its end, and what it costs in memory."""
    count, rate = 1_000_000, 100_000
    with flooded() as (_, publisher, dashboard):
        time.sleep(1)
        before = resident_bytes(dashboard.pid)
        publisher.order(count=count, rate=rate)
        begun = time.perf_counter()
        samples: list[tuple[int, int]] = []
        while time.perf_counter() - begun < count / rate - 0.2:
            time.sleep(0.2)
            samples.append((dashboard.received(), resident_bytes(dashboard.pid)))
        told = publisher.answer()
        end = time.perf_counter()
        late = settled(dashboard, count) - end
        got = dashboard.received()
        time.sleep(0.5)
        samples.append((got, resident_bytes(dashboard.pid)))
    growth = max(size for _, size in samples) - before
    second_half = [size for number, size in samples if number >= count // 2]
    later = second_half[-1] - second_half[0]
    return [
        Row(
            "caught up after a 10 s flood",
            f"{max(0.0, late):.2f} s",
            "≤ 0.5 s",
            late <= 0.5 and got == count,
            f"{got:,} of {count:,} at {count / told['seconds']:,.0f} msgs/s",
        ),
        Row(
            "RSS growth over 1,000,000 messages",
            f"{growth / MB:.1f} MB",
            "≤ 40 MB, then flat",
            growth <= 40 * MB and later <= 2 * MB,
            f"from {before / MB:.1f} MB; {later / MB:+.1f} MB from the half on",
        ),
    ]


# -- filters -------------------------------------------------------------------------------------------------------


def filters() -> list[Row]:
    """From a filter's being pasted to its first result on the screen, among 100,000 messages kept."""
    kept, oldest = 100_000, "zanzibar"
    found: dict[str, Press] = {}
    with flooded("--ring-capacity", str(kept)) as (_, publisher, dashboard):
        publisher.ask(text=f'{{"note": "{oldest}"}}')
        publisher.ask(count=kept - 1, rate=50_000)
        settled(dashboard, kept)
        time.sleep(1)
        for expression, holds in (
            (NEEDLE, lambda row: NEEDLE in row),
            (f"/{NEEDLE[:4]}[a-z]{NEEDLE[5:]}/", lambda row: NEEDLE in row),
            (".total > 999.5", lambda row: '"total": 999.' in row),
            (oldest, lambda row: oldest in row),
        ):
            dashboard.press("/")
            dashboard.until(lambda text: "words  /pattern/" in text)
            time.sleep(0.3)
            found[expression] = press(
                dashboard,
                f"\x1b[200~{expression}\x1b[201~",
                lambda holds=holds: dashboard.until(lambda text: all_rows(text, holds)),
            )
            dashboard.until(lambda text: f"of {kept:,}" in text and "looked at" not in text)
            dashboard.press("\x1b")
            dashboard.until(lambda text: f"of {kept:,}" not in text)
    slowest = 1000 * max(one.seconds for one in found.values())
    without = 1000 * max(one.seconds - one.waited for one in found.values())
    return [
        Row(
            "filter over 100,000 kept, first result shown",
            f"{slowest:.0f} ms",
            "≤ 150 ms",
            slowest <= 150,
            "; ".join(f"{expression}: {1000 * one.seconds:.0f}" for expression, one in found.items())
            + f" (only the oldest message has it); less waits for a core {without:.0f}",
        )
    ]


def all_rows(screen: str, holds: Callable[[str], bool]) -> bool:
    """Whether there are rows of messages on the screen, and all of them are right."""
    rows = [line for line in screen.splitlines() if _MESSAGE.match(line)]
    return bool(rows) and all(map(holds, rows))


# -- CPU and terminal output ---------------------------------------------------------------------------------


def cpu() -> list[Row]:
    """CPU at 20,000 messages a second, over that of a bare callback which gets the same messages at the same time."""
    seconds, rate = 8, 20_000
    with flooded() as (server, publisher, dashboard), Child("bare", server.url, f"{SUBJECT}.>") as bare:
        publisher.ask(count=rate, rate=rate)
        before_bare, before = cpu_seconds(bare.pid), cpu_seconds(dashboard.pid)
        publisher.ask(count=rate * seconds, rate=rate)
        used_bare, used = cpu_seconds(bare.pid) - before_bare, cpu_seconds(dashboard.pid) - before
    ratio = used / used_bare
    return [
        Row(
            "CPU at 20,000 msgs/s ÷ bare nats-py",
            f"{ratio:.2f}",
            "≤ 1.5",
            ratio <= 1.5,
            f"{used / seconds:.1%} and {used_bare / seconds:.1%} of a core",
        )
    ]


def output() -> list[Row]:
    """Bytes written to the terminal at 5,000 messages a second."""
    rows = []
    seconds, rate = 6, 5_000
    for words, arguments, bar in (("", (), 60_000), (", SSH profile", ("--ssh-profile",), 15_000)):
        with flooded(*arguments) as (_, publisher, dashboard):
            publisher.ask(count=rate, rate=rate)
            before, used = dashboard.bytes_written, cpu_seconds(dashboard.pid)
            publisher.ask(count=rate * seconds, rate=rate)
            written, used = dashboard.bytes_written - before, cpu_seconds(dashboard.pid) - used
        rows.append(
            Row(
                f"terminal output at 5,000 msgs/s{words}",
                f"{written / seconds / 1000:.1f} kB/s",
                f"≤ {bar / 1000:.0f} kB/s",
                written <= bar * seconds,
                f"{used / seconds:.1%} CPU",
            )
        )
    return rows


def idle() -> list[Row]:
    """What four connected panels cost while nothing happens."""
    seconds = 10.0
    panels = [f"--panel={panel}" for panel in ("subscribe:a.>", "subscribe:b.>", "publish:c", "request:d")]
    with Server() as server, Dashboard("--server", server.url, *panels) as dashboard:
        dashboard.until(lambda text: "4 connected" in text)
        time.sleep(3)
        before, used = dashboard.bytes_written, cpu_seconds(dashboard.pid)
        time.sleep(seconds)
        written, used = dashboard.bytes_written - before, cpu_seconds(dashboard.pid) - used
    return [
        Row("idle with four panels: CPU", f"{used / seconds:.1%}", "≤ 1 %", used <= 0.01 * seconds, "of a core"),
        Row(
            "idle with four panels: terminal output",
            f"{written / seconds:.0f} B/s",
            "≤ 500 B/s",
            written <= 500 * seconds,
        ),
    ]


# -- the start -----------------------------------------------------------------------------------------------


def start() -> list[Row]:
    """From the command to a painted dashboard that is connected, over importing Textual's app alone."""
    imports, starts, import_cpu, start_cpu = [], [], [], []
    with Server() as server:
        for _ in range(6):
            begun, used = time.perf_counter(), os.times()
            subprocess.run([sys.executable, "-c", "import textual.app"], cwd=ROOT, check=True)
            imports.append(time.perf_counter() - begun)
            now = os.times()
            import_cpu.append(now.children_user + now.children_system - used.children_user - used.children_system)
            with Dashboard("--server", server.url, *PANEL) as dashboard:
                starts.append(dashboard.until(lambda text: "1 connected" in text) - dashboard.started)
                start_cpu.append(cpu_seconds(dashboard.pid))
    ratio = best(starts) / best(imports)
    return [
        Row(
            "start to connected and painted ÷ import textual.app",
            f"{ratio:.2f}",
            "≤ 2.5",
            ratio <= 2.5,
            f"{1000 * best(starts):.0f} and {1000 * best(imports):.0f} ms, the best of six each; by CPU second "
            f"{best(start_cpu) / best(import_cpu):.2f}",
        )
    ]


ROWS: dict[str, Callable[[], list[Row]]] = {
    "unlimited": unlimited,
    "keys": keys,
    "flood": flood,
    "filter": filters,
    "cpu": cpu,
    "output": output,
    "idle": idle,
    "start": start,
}
