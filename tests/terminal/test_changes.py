"""What is sent in place of a repaint leaves the terminal as the repaint would have."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from natstui.terminal.changes import ScreenChanges
from natstui.terminal.sgr import PLAIN, change, parse_look

WIDTH, HEIGHT = 24, 4
SYNC = "\x1b[?2026h{}\x1b[?2026l"

_looks = st.sampled_from(
    [
        "",
        "1",
        "38;2;1;2;3",
        "38;2;1;2;3;48;2;9;9;9",
        "48;2;9;9;9",
        "1;38;2;200;0;0;48;2;9;9;9",
        "4;31",
        "7;38;5;120",
        "3;38;5;120;44",
        "92;103",
    ]
)
_texts = st.text(alphabet="ab  …│●日é", min_size=1, max_size=9)


def _cut(text: str, cells: int) -> str:
    """As much of `text` as fits, and spaces in what is left: as Textual cuts its strips."""
    kept = ""
    for character in text:
        if cell_len(kept + character) > cells:
            break
        kept += character
    return kept + " " * (cells - cell_len(kept))


@st.composite
def _piece(draw: st.DrawFn, cells: int) -> str:
    """Text in looks, `cells` cells of it."""
    written = ""
    while cells:
        text = draw(_texts)
        text = _cut(text, min(cells, cell_len(text)))
        look = draw(_looks)
        written += f"\x1b[{look}m{text}\x1b[0m" if look else text
        cells -= cell_len(text)
    return written


@st.composite
def _repaint(draw: st.DrawFn) -> str:
    """What Textual writes for a frame: places, pieces of rows, and where the cursor is."""
    rows = draw(st.lists(st.integers(0, HEIGHT - 1), unique=True, max_size=HEIGHT))
    parts = []
    for y in sorted(rows):
        first = draw(st.sampled_from([0, 0, 0, 5, 12]))
        last = draw(st.sampled_from([WIDTH, WIDTH, WIDTH - 1, 16]))
        parts.append(f"\x1b[{y + 1};{first + 1}H" + draw(_piece(last - first)))
    cursor = f"\x1b[{draw(st.integers(1, HEIGHT))};{draw(st.integers(1, WIDTH))}H"
    return "\r\n".join(parts) + cursor


def _feed(screen: pyte.Screen, data: str) -> None:
    # pyte takes the arguments of some queries for text.
    pyte.Stream(screen).feed(data.replace("\x1b[?2026$p", ""))


def _cells(screen: pyte.Screen) -> list[list[object]]:
    """What can be seen: of a space neither its colour nor its weight."""

    def seen(cell: pyte.screens.Char) -> object:
        if cell.data == " " and not (cell.underscore or cell.reverse or cell.strikethrough):
            return " ", cell.bg
        return cell

    return [[seen(screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


@given(st.lists(_repaint(), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_the_terminal_ends_up_as_it_would_have(frames: list[str]) -> None:
    whole, reduced = pyte.Screen(WIDTH, HEIGHT), pyte.Screen(WIDTH, HEIGHT)
    changes = ScreenChanges()
    for frame in frames * 2:
        _feed(whole, frame)
        _feed(reduced, changes.reduce(frame))
        assert _cells(reduced) == _cells(whole)
        assert (reduced.cursor.x, reduced.cursor.y) == (whole.cursor.x, whole.cursor.y)


@given(st.lists(_repaint(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_is_shown_already_is_not_sent_again(frames: list[str]) -> None:
    changes = ScreenChanges()
    for frame in frames:
        changes.reduce(frame)
    assert changes.reduce(frames[-1]) == ""
    assert changes.reduce(SYNC.format(frames[-1])) == ""


def test_a_digit_that_ticks_costs_a_few_bytes() -> None:
    changes = ScreenChanges()
    line = "\x1b[3;1H\x1b[1;38;2;9;9;9;48;2;1;1;1mlast in \x1b[0m\x1b[38;2;7;7;7;48;2;1;1;1m{} s ago\x1b[0m\x1b[1;1H"
    changes.reduce(line.format(3))
    assert changes.reduce(line.format(4)) == "\x1b[3;9H4\x1b[1;1H"


def test_a_wide_character_that_was_cut_is_sent_again() -> None:
    changes = ScreenChanges()
    changes.reduce("\x1b[1;1H日本\x1b[1;1H")
    assert "x" in changes.reduce("\x1b[1;2Hx\x1b[1;1H")
    assert "日本" in changes.reduce("\x1b[1;1H日本\x1b[1;1H")


def test_frames_are_begun_and_ended_only_around_what_changes() -> None:
    changes = ScreenChanges()
    assert changes.reduce("\x1b[?2026h") == ""
    assert changes.reduce("\x1b[1;1Hab\x1b[2;1H") == "\x1b[?2026h\x1b[1;1H\x1b[mab\x1b[2;1H"
    assert changes.reduce("\x1b[?2026l") == "\x1b[?2026l"


@pytest.mark.parametrize("sequence", ["\x1b[?25l", "\x1b[?1003h", "\x1b[>13u", "\x1b]52;c;YQ==\x07", "\x07"])
def test_what_touches_no_cell_passes_and_nothing_is_forgotten(sequence: str) -> None:
    changes = ScreenChanges()
    frame = "\x1b[1;1H\x1b[31mab\x1b[0m\x1b[2;1H"
    changes.reduce(frame)
    assert changes.reduce(sequence) == sequence
    assert changes.reduce(frame) == ""


@pytest.mark.parametrize("sequence", ["\x1b[?1049h", "\x1b[2J", "\x1b[3L", "\x1bc"])
def test_after_what_may_have_changed_the_screen_all_is_sent_again(sequence: str) -> None:
    changes = ScreenChanges()
    frame = "\x1b[1;1H\x1b[31mab\x1b[0m\x1b[2;1H"
    changes.reduce(frame)
    assert changes.reduce(sequence) == "\x1b[m" + sequence
    assert changes.reduce(frame) == "\x1b[1;1H\x1b[m\x1b[31mab\x1b[2;1H"


def test_the_order_of_text_and_other_sequences_is_kept() -> None:
    changes = ScreenChanges()
    sent = changes.reduce("\x1b[1;1Hab\x1b]8;;http://x\x1b\\cd\x1b]8;;\x1b\\ef\x1b[2;1H")
    assert sent == "\x1b[1;1H\x1b[mab\x1b]8;;http://x\x1b\\cd\x1b]8;;\x1b\\ef\x1b[2;1H"


def test_a_text_without_a_place_passes_as_it_is() -> None:
    changes = ScreenChanges()
    assert changes.reduce("\x1b[31mhello\x1b[0m") == "\x1b[m\x1b[31mhello\x1b[0m"


@given(_looks, _looks)
def test_a_change_of_looks_ends_in_the_look_wanted(old: str, new: str) -> None:
    whole, changed = pyte.Screen(2, 1), pyte.Screen(2, 1)
    _feed(whole, f"\x1b[0;{new}mx")
    _feed(changed, f"\x1b[0;{old}m" + change(parse_look(old), parse_look(new)) + "x")
    assert changed.buffer[0][0] == whole.buffer[0][0]
    assert change(parse_look(new), PLAIN) == ("" if parse_look(new) == PLAIN else "\x1b[m")
