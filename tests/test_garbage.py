"""What is there when the start is over is never walked again; what comes later is."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import gc, weakref
from natstui import garbage

class Node: pass

def cycle():
    node = Node()
    node.itself = node
    return weakref.ref(node)

garbage.hold()
held = gc.isenabled()
kept = [object() for _ in range(10)], {}
garbage.settle()
tracked = sum(1 for found in gc.get_objects() if found is kept)
later = cycle()
gc.collect()
print(held, gc.isenabled(), tracked, later() is None)
"""


def test_only_what_came_after_the_start_is_looked_at() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True", "0", "True"]
