"""Painted lines go with the widget that painted them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from textual._styles_cache import StylesCache
from textual.color import Color


def let_go() -> None:
    """Keep what Textual 8.2 remembers of two colours from holding on to widgets that are gone.

    `StylesCache.get_inner_outer` is cached with its instance as a part of the key. The last 1,024 instances so stay
    alive, each with every line that its widget painted: up to a hundred MB in a day of opening and leaving screens.
    """
    compute = getattr(StylesCache.get_inner_outer, "__wrapped__", None)
    if compute is None:
        return

    @lru_cache(1024)
    def styles(base_background: Color, background: Color) -> Any:
        return compute(StylesCache, base_background, background)

    def get_inner_outer(_self: StylesCache, base_background: Color, background: Color) -> Any:
        return styles(base_background, background)

    cast(Any, StylesCache).get_inner_outer = get_inner_outer
