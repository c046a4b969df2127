from __future__ import annotations

from textual.app import App, ComposeResult

from natstui.widgets.field import WRAPPED, Editor


class EditorApp(App[None]):
    """An editor over the whole screen."""

    def compose(self) -> ComposeResult:
        yield Editor(highlights_json=True)

    @property
    def editor(self) -> Editor:
        return self.query_one(Editor)


async def test_a_megabyte_on_one_line_is_not_wrapped_and_what_is_shorter_is_again() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = app.editor
        editor.focus()
        assert editor.soft_wrap
        editor.load_text('{"a": "' + "x" * 1_000_000 + '"}')
        await pilot.press("end", "y")
        assert not editor.soft_wrap
        assert editor.text.endswith('"}y')
        await pilot.press("backspace")
        editor.load_text("[" + "1," * WRAPPED + "1]")
        assert editor.format_json() and editor.document.line_count == WRAPPED + 3
        assert editor.soft_wrap
        editor.load_text("")
        editor.insert("z" * (WRAPPED + 1))
        assert not editor.soft_wrap
        await pilot.press("backspace")
        assert editor.soft_wrap


async def test_no_key_in_a_megabyte_wraps_it_anew() -> None:
    app = EditorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        editor = app.editor
        editor.focus()
        editor.load_text("x" * 1_000_000)
        await pilot.pause()
        assert editor.wrapped_document.height == 1
        for key in ("a", "right", "end", "b", "backspace", "home", "enter"):
            await pilot.press(key)
        assert editor.wrapped_document.height == 2


def test_a_long_line_that_an_editor_begins_with_is_not_wrapped() -> None:
    assert not Editor("x" * (WRAPPED + 1)).soft_wrap
    assert Editor("short").soft_wrap
