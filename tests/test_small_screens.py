"""At 60×20 every screen can still be used; below that one sentence says so."""

from __future__ import annotations

import pytest
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import OptionList

from natstui.widgets.connection_strip import ConnectionStrip
from natstui.widgets.key_line import KeyLine
from natstui.widgets.tab_line import TabLine
from tests.dashboards import make_app, screen_text
from tests.scenes import SCENES, scenery_of
from tests.waiting import until

SMALLEST = (60, 20)


def visible(widget: Widget) -> Region:
    """The part of a widget that is on the screen, not cut off by what it is in."""
    region = widget.region
    for ancestor in widget.ancestors:
        if isinstance(ancestor, Widget):
            region = region.intersection(ancestor.region)
    return region


@pytest.mark.parametrize("name", SCENES)
async def test_the_keys_and_the_focus_are_on_the_smallest_screen(name: str) -> None:
    play = SCENES[name]
    scenery = scenery_of(play)
    async with scenery.app.run_test(size=SMALLEST) as pilot:
        await play(scenery, pilot)
        await pilot.pause()
        screen = scenery.app.screen
        for line in [*screen.query(KeyLine), *screen.query(".dialog-keys")]:
            assert visible(line).size == line.region.size and line.region.height == 1, screen_text(scenery.app)
        focused = screen.focused
        is_empty = isinstance(focused, OptionList) and not focused.option_count
        assert focused is None or is_empty or visible(focused).height >= 1, screen_text(scenery.app)


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_every_panel_stands_on_the_line_of_tabs(width: int) -> None:
    app = make_app("nats://127.0.0.1:1", *["subscribe:orders.>"] * 9)
    async with app.run_test(size=(width, 20)):
        tabs = app.screen_stack[0].query_one(TabLine)
        await until(lambda: all(f" {number} " in tabs.text for number in range(1, 10)))
        assert "1 subscribe" in tabs.text


async def test_the_smallest_strip_keeps_state_round_trip_pings_and_countdown() -> None:
    play = SCENES["dashboard"]
    scenery = scenery_of(play)
    async with scenery.app.run_test(size=SMALLEST) as pilot:
        await play(scenery, pilot)
        told = " ".join(scenery.app.dashboard.panels[0].query_one(ConnectionStrip).text)
        for words in ("connected", "rtt", "pings", "sleeps in"):
            assert words in told
        await pilot.press("f2")
        await scenery.settle(pilot)
        everything = screen_text(scenery.app)
        assert "n2.prod:4222" in everything, "the table of connections has the server"
        figures = scenery.app.screen.query_one("#figures-side")
        for _ in range(5):
            if not figures.has_focus:
                await pilot.press("tab")
        await pilot.pause()
        assert "connection_id" in screen_text(scenery.app), "the focus brings the figures into view"


@pytest.mark.parametrize("size", [(59, 20), (60, 19), (20, 5)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_below_that_one_sentence_says_so(size: tuple[int, int]) -> None:
    play = SCENES["dashboard"]
    scenery = scenery_of(play)
    async with scenery.app.run_test(size=size) as pilot:
        await pilot.pause()
        words = " ".join(screen_text(scenery.app).split())
        assert words == f"natstui needs 60×20 cells, here are {size[0]}×{size[1]}. All goes on behind this."
