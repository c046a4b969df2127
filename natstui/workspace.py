"""A workspace: which panels there are, where each is connected, what stands in them, and how they share the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from natstui.launch import PanelSpec
from natstui.places import Place

VERSION = 1
LAYOUTS = ("grid", "columns", "rows", "tabs")
Value = str | tuple[str, ...] | bool

KEYS: Mapping[str, Mapping[str, Value]] = {
    "subscribe": {"subjects": (), "queue": "", "filter": "", "find": False, "columns": ()},
    "publish": {"subject": "", "reply": "", "headers": (), "payload": "", "count": "1", "every": "1s"},
    "request": {"subject": "", "timeout": "2s", "replies": "one", "at_most": "", "headers": (), "payload": ""},
}
"""For each kind of panel what is saved of it, in this order, and what it is where it is not written."""
DRAFT = ("reply", "headers", "payload")
"""What `save_drafts` is about."""


class WorkspaceError(ValueError):
    """A workspace cannot be read or written; ``str()`` is one sentence that says which, where, and what to do."""


@dataclass(frozen=True)
class Workspace:
    """A dashboard as it is saved."""

    panels: tuple[PanelSpec, ...] = ()
    connection: Place | None = None
    """Where panels that say nothing else are connected; None for what settings say."""
    layout: str = "grid"
    """One of `LAYOUTS`."""
    is_zoomed: bool = False
    """Whether the focused panel has the whole screen."""
    focused: int = 1
    """The number of the panel that has the focus."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Keys of another version of natstui, which are kept."""
    unopened: tuple[Mapping[str, Any], ...] = ()
    """Panels that this version cannot open, which are kept."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """A sentence for each thing that was left out."""
