"""Colours for subjects: the same subject has the same colour in every panel and run, readable on every theme."""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import crc32

from textual.color import Color

HUES = (205, 88, 165, 268, 25, 187, 325, 232, 130, 295, 62, 348)
"""Degrees on the colour wheel; pure red and amber are left to errors and warnings."""

STRENGTHS = (0.85, 0.40)
"""Saturations: each hue comes strong and pale."""

COLORS = len(HUES) * len(STRENGTHS)
"""How many colours a subject may have."""

CONTRAST = 5.0
"""The least contrast between a subject and the background; 4.5 is what WCAG asks of text."""

_DIGITS = re.compile(rb"[^.]*[0-9][^.]*")


def contrast(one: Color, other: Color) -> float:
    """The WCAG contrast ratio between two colours, 1 to 21."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)


@lru_cache(maxsize=32)
def palette(background: Color) -> tuple[Color, ...]:
    """The colours, each as deep as it can be with enough contrast on `background`."""
    dark = _luminance(background) < 0.18
    colors = []
    for strength in STRENGTHS:
        for hue in HUES:
            lightness, step = (0.60, 0.02) if dark else (0.40, -0.02)
            color = Color.from_hsl(hue / 360, strength, lightness)
            while contrast(color, background) < CONTRAST and 0.04 < lightness < 0.96:
                lightness += step
                color = Color.from_hsl(hue / 360, strength, lightness)
            colors.append(color)
    return tuple(colors)


def color_number(subject: bytes) -> int:
    """Which of the colours a subject has. Tokens with digits do not count: orders.7.paid looks like orders.8.paid."""
    return (crc32(_DIGITS.sub(b"", subject[:256])) >> 7) % COLORS
