"""A screen that is left is left once, and nothing else with it."""

from __future__ import annotations

from textual.app import App

from natstui.screens.confirm import Confirm
from natstui.screens.help import HelpScreen
from tests.waiting import until


class Asking(App[None]):
    """An app that asks, and notes the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.first: list[bool | None] = []
        self.second: list[bool | None] = []


async def test_a_dialog_that_ends_under_the_help_takes_the_help_with_it_and_nothing_else() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        below, dialog = Confirm("First?", "yes", "no"), Confirm("Second?", "yes", "no")
        app.push_screen(below, app.first.append)
        app.push_screen(dialog, app.second.append)
        app.push_screen(HelpScreen([]))
        await pilot.pause()
        dialog.dismiss(True)
        await until(lambda: app.screen is below and app.second)
        assert app.second == [True] and app.first == []


async def test_a_dialog_that_is_left_twice_answers_once() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        below, dialog = Confirm("First?", "yes", "no"), Confirm("Second?", "yes", "no")
        app.push_screen(below, app.first.append)
        app.push_screen(dialog, app.second.append)
        await pilot.pause()
        dialog.dismiss(True)
        dialog.dismiss(False)
        await until(lambda: app.screen is below and app.second)
        await pilot.pause()
        assert app.second == [True] and app.first == [] and app.screen is below
