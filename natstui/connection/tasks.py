"""How the connection's tasks begin: in the loop's next turn, never inside the call that makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def begin(coroutine: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
    """Run a coroutine as a task of the running loop, from its next turn on.

    A program may have given its loop `asyncio.eager_task_factory` (Python 3.12; Textual does): what a task does first
    would then happen before its maker has noted that there is a task.
    """
    return asyncio.Task(coroutine, loop=asyncio.get_running_loop(), name=name)
