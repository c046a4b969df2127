"""What a screen painted goes when the screen goes: nothing holds on to its lines."""

from __future__ import annotations

import gc
import weakref

from natstui.screens.events import EventsScreen
from tests.dashboards import SIZE, make_app
from tests.waiting import until


async def test_the_lines_of_a_screen_that_was_left_are_let_go() -> None:
    app = make_app("nats://127.0.0.1:1")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f3")
        await until(lambda: isinstance(app.screen, EventsScreen))
        await pilot.pause()
        painted = [weakref.ref(widget._styles_cache) for widget in app.screen.walk_children(with_self=True)]
        assert any(cache()._cache for cache in painted)  # type: ignore[union-attr]
        await pilot.press("escape")
        await until(lambda: app.screen is app.dashboard)
        await pilot.pause()

        def are_gone() -> bool:
            gc.collect()
            return not any(cache() for cache in painted)

        await until(are_gone)
