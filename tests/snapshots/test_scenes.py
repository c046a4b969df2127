"""Every screen as it looks, small and large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.scenes import SCENES, scenery_of

SIZES = ((80, 24), (120, 40))
Compare = Callable[..., bool]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCENES)
def test_scene(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    play = SCENES[name]
    scenery = scenery_of(play)

    async def run_before(pilot: Pilot[Any]) -> None:
        await play(scenery, pilot)

    assert snap_compare(scenery.app, terminal_size=size, run_before=run_before)


@pytest.mark.parametrize("theme", ["natstui-light", "ansi-dark"])
def test_dashboard_in_another_theme(snap_compare: Compare, theme: str) -> None:
    play = SCENES["dashboard"]
    scenery = scenery_of(play)
    scenery.app.theme = theme

    async def run_before(pilot: Pilot[Any]) -> None:
        await play(scenery, pilot)

    assert snap_compare(scenery.app, terminal_size=(120, 40), run_before=run_before)


def test_a_wide_dashboard(snap_compare: Compare) -> None:
    play = SCENES["dashboard"]
    scenery = scenery_of(play)

    async def run_before(pilot: Pilot[Any]) -> None:
        await play(scenery, pilot)

    assert snap_compare(scenery.app, terminal_size=(200, 50), run_before=run_before)


def test_a_tiny_screen(snap_compare: Compare) -> None:
    play = SCENES["dashboard"]
    scenery = scenery_of(play)

    async def run_before(pilot: Pilot[Any]) -> None:
        await play(scenery, pilot)

    assert snap_compare(scenery.app, terminal_size=(20, 5), run_before=run_before)
