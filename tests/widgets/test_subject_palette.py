from __future__ import annotations

import pytest
from textual.app import App
from textual.color import Color

from natstui.widgets.subject_palette import COLORS, color_number, contrast, palette


@pytest.mark.parametrize("name", sorted(App().available_themes))
def test_every_colour_can_be_read_on_every_theme(name: str) -> None:
    theme = App().available_themes[name]
    variables = theme.to_color_system().generate()
    for ground in ("background", "surface", "panel"):
        background = Color.parse(variables[ground])
        if background.ansi is not None:
            continue
        assert all(contrast(color, background) >= 4.5 for color in palette(background)), ground


def test_contrast_is_that_of_the_accessibility_guidelines() -> None:
    assert contrast(Color.parse("white"), Color.parse("black")) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), Color.parse("white")) == pytest.approx(4.48, abs=0.01)


def test_a_subject_keeps_its_colour() -> None:
    assert color_number(b"orders.created") == 1
    assert color_number(b"orders.7.created") == color_number(b"orders.12345.created")
    assert len({color_number(b"subject." + bytes([97 + letter])) for letter in range(26)}) > COLORS // 3
