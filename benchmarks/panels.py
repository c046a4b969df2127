"""Nine subscribe panels beside one: the same number of messages a second arrives at the dashboard in all."""

from __future__ import annotations

import time

from benchmarks.dashboard import Dashboard
from benchmarks.processes import Child, Server, cpu_seconds
from benchmarks.rows import PANEL, SUBJECT, Row, percentile, type_letters

PANELS = 9
RATE = 50_000
"""Messages a second that arrive, over all panels."""
SECONDS = 12


def panels() -> list[Row]:
    """From a key press to its paint with nine panels, in a grid and as tabs, over that with one."""
    found = {}
    for words, count, keys in (("one", 1, ""), ("nine", PANELS, ""), ("nine, one zoomed", PANELS, "\x1bOS")):
        with (
            Server() as server,
            Child("publisher", server.url, SUBJECT) as publisher,
            Dashboard("--server", server.url, *PANEL * count) as dashboard,
        ):
            dashboard.until(lambda text, count=count: f"{count} connected" in text, 20)
            dashboard.press(keys)
            time.sleep(1)
            used, begun = cpu_seconds(dashboard.pid), time.perf_counter()
            publisher.order(count=SECONDS * RATE // count, rate=RATE // count)
            time.sleep(0.3)
            presses = type_letters(dashboard, 60)
            publisher.answer()
            cpu = (cpu_seconds(dashboard.pid) - used) / (time.perf_counter() - begun)
        p95 = 1000 * percentile([press.seconds for press in presses], 0.95)
        without = 1000 * percentile([press.seconds - press.waited for press in presses], 0.95)
        found[words] = p95, without, cpu
    p95 = found["nine"][0]
    detail = "; ".join(
        f"{words}: {whole:.0f} ms, less waits for a core {without:.0f}, {cpu:.0%} CPU"
        for words, (whole, without, cpu) in found.items()
    )
    return [
        Row(f"key press → paint, p95, nine panels with {RATE:,} msgs/s", f"{p95:.0f} ms", "≤ 60 ms", p95 <= 60, detail)
    ]
