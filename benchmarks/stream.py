"""The figures of the message stream, measured on the real dashboard: `python -m benchmarks.stream`."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.panels import panels
from benchmarks.rows import ROWS as SINGLE_ROWS
from benchmarks.rows import Row

ROWS = SINGLE_ROWS | {"panels": panels}


def main() -> int:
    """Print the table; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"measure only these of {', '.join(ROWS)}; all by default"
    )
    chosen = parser.parse_args().rows or list(ROWS)
    for name in chosen:
        if name not in ROWS:
            parser.error(f"there is no row {name!r}; there are {', '.join(ROWS)}")
    begun = time.perf_counter()
    found: list[Row] = []
    for name in chosen:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        found += ROWS[name]()
    print(table(found))
    print(f"\n{sum(row.is_met for row in found)} of {len(found)} bars met, in {time.perf_counter() - begun:.0f} s")
    return 0 if all(row.is_met for row in found) else 1


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table with even columns."""
    head = ("what", "measured", "bar", "met", "detail")
    lines = [head, *((row.what, row.measured, row.bar, "yes" if row.is_met else "NO", row.detail) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [
        "| " + " | ".join(f"{word:<{width}}" for word, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])


if __name__ == "__main__":
    sys.exit(main())
