"""natstui as it is, in a process that says how many asyncio tasks it has whenever it gets SIGUSR1.

`python -m benchmarks.soak_host FILE ARGUMENT …` runs `natstui ARGUMENT …`. Each SIGUSR1 replaces FILE with a JSON
object: what the tasks run that are not done, with how many there are of each.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path

from natstui.cli import main


def say_tasks(file: Path) -> None:
    """Write which tasks there are; between two steps of the event loop, as Python's signal handlers run."""
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:
        return
    names = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in tasks)
    written = file.with_suffix(".part")
    written.write_text(json.dumps(names))
    written.replace(file)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: say_tasks(place))
    sys.argv[:] = ["natstui", *sys.argv[2:]]
    sys.exit(main())
