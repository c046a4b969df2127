"""The ids under which a keymap can change the keys of widgets and screens."""

from __future__ import annotations

from typing import Any

from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

from natstui import screens
from natstui.launch import PANEL_KINDS
from natstui.panels import panel_class


def ids_of_widgets() -> set[str]:
    """The ids of all bindings that widgets and screens of this project have."""
    screens.load_all()
    for kind in PANEL_KINDS:
        panel_class(kind)
    found: set[str] = set()
    for one in (Screen, *_subclasses(Screen), *_subclasses(Widget)):
        for binding in one.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id and one.__module__.startswith("natstui"):
                found.add(binding.id)
    return found


def _subclasses(parent: type[Any]) -> list[type[Any]]:
    return [one for child in parent.__subclasses__() for one in (child, *_subclasses(child))]
