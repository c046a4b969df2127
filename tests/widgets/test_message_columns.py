from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from natstui.widgets.message_columns import (
    COLUMN_KEYS,
    SPACING,
    Column,
    clock_words,
    delta_words,
    fit,
    parse_columns,
    place,
    row,
)

WIDE = st.text(st.sampled_from("ab日本é\u0301😀·🇩 한"))


@given(WIDE | st.text(st.characters(exclude_categories=("C", "Z"))), st.integers(1, 40))
def test_a_text_is_made_exactly_as_wide_as_asked(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) == cells


@given(
    st.lists(st.sampled_from(COLUMN_KEYS), min_size=1, unique=True),
    st.integers(20, 300),
    st.integers(0, 100),
)
def test_columns_fill_the_width(keys: list[str], width: int, subject_cells: int) -> None:
    placed = place([Column(key) for key in keys], width, subject_cells)
    assert sum(cells for _, cells in placed) + SPACING * (len(placed) - 1) == width
    assert all(cells >= 1 for _, cells in placed)
    if "payload" in keys:
        assert "payload" in {key for key, _ in placed}


@given(
    st.tuples(st.binary(max_size=99), st.binary(max_size=99), st.binary(max_size=99), st.binary(max_size=99)),
    st.integers(30, 200),
)
def test_a_row_of_any_bytes_is_as_wide_as_its_columns(record: tuple[bytes, bytes, bytes, bytes], width: int) -> None:
    placed = place([Column(key) for key in COLUMN_KEYS], width, 12)
    text = "".join(piece.text for piece in row(record, "12:00:00.000", placed))
    assert cell_len(text) == width
    assert text.isprintable()


def test_what_does_not_fit_goes_in_a_fixed_order() -> None:
    columns = [Column(key) for key in COLUMN_KEYS]
    assert [key for key, _ in place(columns, 120, 20)] == list(COLUMN_KEYS)
    assert [key for key, _ in place(columns, 70, 20)] == ["time", "subject", "size", "reply", "payload"]
    assert [key for key, _ in place(columns, 40, 20)] == ["time", "subject", "payload"]
    assert [key for key, _ in place(columns, 25, 20)] == ["subject", "payload"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "at least one column"),
        (("time", "time"), "'time' is there twice"),
        (("tme",), "no column 'tme'"),
        (("subject:wide",), "must be a whole number of cells, not 'wide'"),
    ],
)
def test_columns_that_cannot_be(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_columns(words)


def test_columns_in_any_order_and_width() -> None:
    assert parse_columns(("payload", "subject:30")) == (Column("payload"), Column("subject", 30))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "+0.000 s"),
        (0.1024, "+0.102 s"),
        (99.9, "+99.900 s"),
        (100, "+1m40s"),
        (3_725, "+1h02m05s"),
        (-1, "clock back"),
    ],
)
def test_time_since(seconds: float, words: str) -> None:
    assert delta_words(seconds) == words


@given(st.floats(0, 4e9))
def test_the_time_of_day_has_a_fixed_width(at: float) -> None:
    assert len(clock_words(at)) == 12
