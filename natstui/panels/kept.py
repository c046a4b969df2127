"""What a panel and a workspace know of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.containers import Container

if TYPE_CHECKING:
    from natstui.launch import PanelSpec
    from natstui.places import Place
    from natstui.workspace import Value


class KeptPanel(Container):
    """The part of a panel that is saved, and that it is opened from."""

    def __init__(self, spec: PanelSpec, id: str) -> None:
        super().__init__(id=id)
        self.spec = spec
        self.problem = ""
        """Why its connection cannot be opened at all, such as a context that is not there; empty where it can."""
        self.kept_place: Place | None = None
        """Where it is saved to be connected, whatever it is connected to; None for where it is."""

    def saved_values(self) -> Mapping[str, Value]:
        """What a workspace keeps of the panel, by the names of `natstui.workspace.KEYS`; once it is composed."""
        return {}

    def saved_text(self, name: str, otherwise: str = "") -> str:
        """What the workspace that it was opened from says."""
        value = self.spec.saved.get(name, otherwise)
        return value if isinstance(value, str) else otherwise

    def saved_texts(self, name: str) -> tuple[str, ...]:
        """The same where it is several."""
        value = self.spec.saved.get(name, ())
        return value if isinstance(value, tuple) else ()

    @property
    def is_busy(self) -> bool:
        """Whether closing the panel would break off what it does."""
        return False
