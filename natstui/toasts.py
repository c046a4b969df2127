"""Toasts go without leaving anything behind."""

from __future__ import annotations

from typing import Any

from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets._toast import ToastRack


def clear_away(screen: Screen[Any]) -> None:
    """Remove what Textual 8.2 leaves of toasts that another one found expired before their own timer did.

    It then removes the toast, and not what holds it in its place: a widget with a task of its own, for good.
    """
    try:
        rack = screen.get_child_by_type(ToastRack)
    except NoMatches:
        return
    if rack.children:
        shown = {ToastRack._toast_id(notification) for notification in screen.app._notifications}
        for holder in rack.children:
            if holder.id not in shown:
                holder.remove()
