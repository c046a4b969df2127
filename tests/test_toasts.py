"""A toast that is over leaves no widget behind."""

from __future__ import annotations

import time

from textual.widgets._toast import ToastRack

from tests.dashboards import SIZE, make_app
from tests.waiting import until


async def test_a_toast_that_another_one_finds_expired_goes_whole() -> None:
    app = make_app("nats://127.0.0.1:1")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        rack = app.dashboard.get_child_by_type(ToastRack)
        app.notify("first", timeout=0.2)
        await until(lambda: len(rack.children) == 1)
        # The event loop stands still, as on a busy machine: the first toast's timer is late.
        app.notify("second", timeout=0.5)
        time.sleep(0.3)  # noqa: ASYNC251
        await until(lambda: len(rack.children) == 2 or not rack.children)
        await until(lambda: not rack.children)
        await pilot.pause()
