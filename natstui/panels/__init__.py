"""One file per kind of panel. Every panel owns one managed connection."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from natstui.panels.base import Panel

CLASSES = {"subscribe": "SubscribePanel", "publish": "PublishPanel", "request": "RequestPanel"}
"""The kinds of panel, each in the file of its name."""


def panel_class(kind: str) -> type[Panel]:
    """The class of a kind of panel, loaded when the first one is opened."""
    found: type[Panel] = getattr(import_module(f"{__name__}.{kind}"), CLASSES[kind])
    return found
