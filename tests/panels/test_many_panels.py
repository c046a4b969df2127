"""Nine subscribe panels at once: what is off screen is received and counted, and costs no painting."""

from __future__ import annotations

import asyncio

import pytest

from tests.dashboards import footer, make_app, screen_text, subscribe_panel, until_connected
from tests.panels.test_bad_input import publish
from tests.servers import NatsServer
from tests.waiting import until

COUNT = 9
MESSAGE = (b"flood.a", b'{"id": 7}', b"")


@pytest.mark.parametrize(("size", "key"), [((120, 40), "f4"), ((80, 24), "")], ids=["zoomed", "tabs"])
async def test_a_panel_off_screen_is_counted_and_not_painted(
    nats_server: NatsServer, size: tuple[int, int], key: str
) -> None:
    app = make_app(nats_server.url, *["subscribe:flood.>"] * COUNT)
    async with app.run_test(size=size) as pilot:
        await until_connected(app)
        if key:
            await pilot.press(key)
        panels = [subscribe_panel(app, number) for number in range(1, COUNT + 1)]
        await until(lambda: [panel.display for panel in panels] == [True] + [False] * 8)
        before = [panel.messages.rows_formatted for panel in panels]
        for _ in range(10):
            await asyncio.to_thread(publish, nats_server, *[MESSAGE] * 500)
            app.tick()
            await pilot.pause()
        await until(lambda: all(panel.ring.received == 5_000 for panel in panels))
        app.tick()
        app.drain()
        await until(lambda: panels[0].messages.rows_formatted > before[0])
        assert [panel.messages.rows_formatted for panel in panels[1:]] == before[1:]
        await pilot.press("alt+9")
        await until(lambda: panels[8].display and panels[8].messages.rows_formatted > before[8])
        await until(lambda: "received 5,000" in screen_text(app))
        rows = panels[8].messages.size.height
        assert panels[8].messages.rows_formatted <= before[8] + 3 * rows


async def test_of_many_panels_few_show_what_came_at_a_time_and_the_current_one_each_time(
    nats_server: NatsServer,
) -> None:
    app = make_app(nats_server.url, *["subscribe:flood.>"] * COUNT)
    app._ticks = False
    async with app.run_test(size=(240, 90)) as pilot:
        await until_connected(app)
        await pilot.press("alt+4")
        panels = [subscribe_panel(app, number) for number in range(1, COUNT + 1)]
        await until(lambda: all(panel.display for panel in panels) and app.dashboard.current is panels[3])
        shown = [0] * COUNT
        for turn in range(1, 6):
            await asyncio.to_thread(publish, nats_server, *[MESSAGE] * 5)
            await until(lambda turn=turn: all(panel.ring.received == 5 * turn for panel in panels))
            app.drain()
            now = [f"received {5 * turn} " in footer(panel) for panel in panels]
            assert now[3] and sum(now) <= 3, now
            shown = [seen + is_shown for seen, is_shown in zip(shown, now, strict=True)]
        assert all(shown), shown
