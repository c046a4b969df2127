"""Where panels stand on every size of screen."""

from __future__ import annotations

import pytest

from natstui.widgets.arrangement import LEAST_HEIGHT, LEAST_WIDTH, Layout, arrange

SIZES = [(80, 22), (100, 30), (120, 38), (160, 48), (200, 48), (300, 90), (70, 80)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("count", range(1, 10))
def test_panels_fill_the_grid_and_are_never_too_small(count: int, layout: Layout, size: tuple[int, int]) -> None:
    made = arrange(count, *size, layout)
    if made.is_tabs:
        assert count > 1
        return
    assert len(made.spans) == count
    assert sum(columns * rows for columns, rows in made.spans) == made.columns * made.rows
    if count > 1:
        width, height = size
        assert all(width * columns // made.columns >= LEAST_WIDTH for columns, _ in made.spans)
        assert all(height * rows // made.rows >= LEAST_HEIGHT for _, rows in made.spans)


def test_a_usual_terminal_shows_tabs() -> None:
    assert arrange(3, 80, 22).is_tabs and arrange(2, 80, 22).is_tabs


def test_a_wide_one_shows_up_to_nine_at_once() -> None:
    assert not any(arrange(count, 120, 38).is_tabs for count in range(1, 10))


def test_three_stand_as_one_large_and_two_small() -> None:
    assert arrange(3, 120, 38).spans == ((1, 2), (1, 1), (1, 1))


def test_a_tall_narrow_one_stacks_them() -> None:
    made = arrange(3, 80, 60)
    assert (made.columns, made.rows) == (1, 3)


def test_tabs_can_be_asked_for() -> None:
    assert arrange(4, 300, 90, Layout.TABS).is_tabs
