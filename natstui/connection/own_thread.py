"""Calls that may block for ever, made where they hold up nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(what: str, function: Callable[[], T]) -> T:
    """Return what `function` returns, called in a daemon thread of its own, which `what` names.

    Not in the loop's executor: a call that never returns would hold up the end of the process there.

    Raises:
        Exception: whatever it raised.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            failure = error
        try:
            loop.call_soon_threadsafe(settle, result, failure)
        except RuntimeError:
            pass

    threading.Thread(target=work, name=f"natstui {what}", daemon=True).start()
    return await done
