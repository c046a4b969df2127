"""Lines that fit: the least important parts go first, no word is cut."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from natstui.widgets.fitting import fit, line_width, part, shorten, shorten_middle, wrapped


def told(pieces: list) -> str:  # type: ignore[type-arg]
    return "".join(piece.text for piece in pieces)


PARTS = [part(100, "state"), part(50, "reconnects 1"), part(80, ("in ", "label"), "2 s ago", short=(("2 s", ""),))]


def test_with_room_everything_is_told_with_wide_gaps() -> None:
    assert told(fit(PARTS, 40)) == "state   reconnects 1   in 2 s ago"


def test_gaps_narrow_then_words_shorten_then_the_least_important_goes() -> None:
    assert told(fit(PARTS, 32)) == "state  reconnects 1  in 2 s ago"
    assert told(fit(PARTS, 24)) == "state  reconnects 1  2 s"
    assert told(fit(PARTS, 22)) == "state  in 2 s ago"
    assert told(fit(PARTS, 10)) == "state  2 s"
    assert told(fit(PARTS, 7)) == "state"
    assert told(fit(PARTS, 3)) == "st…"
    assert told(fit(PARTS, 0)) == ""


def test_a_part_keeps_its_cells_so_that_the_next_does_not_move() -> None:
    short, long = (told(fit([part(1, text, cells=9), part(1, "next")], 40)) for text in ("now", "59 s ago"))
    assert short.index("next") == long.index("next")


def test_shortening_keeps_whole_words() -> None:
    assert shorten("no pong for 41 s", 16) == "no pong for 41 s"
    assert shorten("no pong for 41 s, 2 of 2 pings", 20) == "no pong for 41 s, 2…"
    assert shorten("no pong for 41 s", 10) == "no pong…"
    assert shorten("unbreakable", 6) == "unbre…"
    assert shorten_middle("nats://n1.prod.example:4222", 15) == "nats://…le:4222"


@given(
    words=st.lists(st.tuples(st.integers(0, 100), st.text(max_size=20), st.text(max_size=5)), max_size=6),
    width=st.integers(0, 60),
)
def test_nothing_is_ever_wider_than_it_may_be(words: list[tuple[int, str, str]], width: int) -> None:
    parts = [part(importance, text, short=((brief, ""),)) for importance, text, brief in words]
    assert line_width(fit(parts, width)) <= width


@given(text=st.text(max_size=60), width=st.integers(0, 40))
def test_shortened_text_is_never_wider_than_it_may_be(text: str, width: int) -> None:
    assert line_width([part(1, shorten(text, width)).pieces[0]]) <= width
    assert line_width([part(1, shorten_middle(text, width)).pieces[0]]) <= width


def test_long_words_are_told_in_full_on_several_lines() -> None:
    assert wrapped("lost n1:4222 with no answer", 12) == ["lost n1:4222", "with no", "answer"]
    assert wrapped("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]
    assert wrapped("", 4) == [""]


@example("𠀀 \x1f", 2)
@given(st.text(max_size=60), st.integers(2, 20))
def test_wrapped_lines_lose_nothing_and_fit(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in lines)
