"""What each lever of the way in is worth: `python -m benchmarks.levers`. Without a screen, at the unlimited rate."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field

from benchmarks.processes import Child, Server

SUBJECT = "bench"
BARE = "bare nats-py, callback"
WAYS: dict[str, tuple[str, ...] | None] = {
    BARE: None,
    "stock parser, handler": (),
    "chunk parser, handler": ("chunk",),
    "chunk parser, batch": ("chunk", "batch"),
    "… and reads of 256 kB": ("chunk", "batch", "large-reads"),
    "… keeping 100,000": ("chunk", "batch", "large-reads", "ring"),
}
"""Each way to receive, and the levers of it; every one but the first adds to the one before."""


@dataclass
class Found:
    """What was measured of one way."""

    by_wall: list[float] = field(default_factory=list)
    by_cpu: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Messages a second; what else the machine does can only take from it."""
        return max(self.by_wall)

    @property
    def cpu(self) -> float:
        """Messages a CPU second."""
        return max(self.by_cpu)


def measure(levers: tuple[str, ...] | None, seconds: float, found: Found) -> None:
    """Publish for some seconds as fast as the server takes it, and note how fast it was received."""
    module, arguments = ("bare", ()) if levers is None else ("lever", levers)
    with (
        Server() as server,
        Child("publisher", server.url, SUBJECT) as publisher,
        Child(module, server.url, f"{SUBJECT}.>", *arguments) as child,
    ):
        publisher.ask(seconds=seconds)
        time.sleep(1.5)
        counted = child.ask()
        found.by_wall.append(counted["received"] / counted["seconds"])
        found.by_cpu.append(counted["received"] / counted["cpu"])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.levers", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each way, in turn; the best counts (3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="to publish for in each (2)")
    chosen = parser.parse_args()
    found = {name: Found() for name in WAYS}
    for run in range(chosen.runs):
        for name, levers in WAYS.items():
            print(f"run {run + 1}: {name} …", file=sys.stderr, flush=True)
            measure(levers, chosen.seconds, found[name])
    print(table(found))
    return 0


def table(found: dict[str, Found]) -> str:
    """The ways as a Markdown table: rates, over the bare one, and over the one before."""
    lines = [
        f"| {'way to receive':<24} | {'msgs/s':>9} | ÷ bare | ÷ before | {'per CPU second':>14} | ÷ bare | ÷ before |",
        f"|{'-' * 26}|{'-' * 10}:|{'-' * 7}:|{'-' * 9}:|{'-' * 15}:|{'-' * 7}:|{'-' * 9}:|",
    ]
    bare = before = found[BARE]
    for name, one in found.items():
        lines.append(
            f"| {name:<24} | {one.wall:>9,.0f} | {one.wall / bare.wall:>6.2f} | {one.wall / before.wall:>8.2f} "
            f"| {one.cpu:>14,.0f} | {one.cpu / bare.cpu:>6.2f} | {one.cpu / before.cpu:>8.2f} |"
        )
        before = one
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
