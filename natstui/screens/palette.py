"""The palette of all actions."""

from __future__ import annotations

from contextlib import suppress

from textual.command import CommandPalette

from natstui.screens.leaving import LeavingScreen


class Palette(CommandPalette, LeavingScreen[None]):
    """Textual's own, which falls over a page key while nothing is found, or what was found is not laid out yet."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):
            super()._action_command_list(action)
