"""Screens that are left once, whatever covers them."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen, ScreenResultType


class LeavingScreen(Screen[ScreenResultType]):
    """A screen whose `dismiss` means this screen.

    Textual 8 takes whatever is on top off its stack, such as the help above a dialog that has just connected, and falls
    over a screen that is dismissed again by a key that waited.
    """

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Leave the screen and what covers it; nothing where it was left already."""
        app = self.app
        if self not in app.screen_stack:
            return AwaitComplete()
        while app.screen is not self:
            app.pop_screen()
        return super().dismiss(result)


class Dialog(ModalScreen[ScreenResultType], LeavingScreen[ScreenResultType]):
    """A screen above the others, which are to be seen behind it."""
