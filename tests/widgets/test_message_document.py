from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from natstui.stream.decode import Token
from natstui.widgets.message_document import MessageDocument, Row, View, best_view, wrap


def block(count: int) -> bytes:
    return b"NATS/1.0\r\n" + b"".join(b"Key-%d: value\r\n" % number for number in range(count)) + b"\r\n"


def text(document: MessageDocument) -> list[str]:
    return [document[number].text for number in range(len(document))]


@given(st.lists(st.text(st.sampled_from("ab 日本é\u0301😀"), max_size=60), max_size=4), st.integers(4, 40))
def test_wrapping_loses_nothing_and_fits(texts: list[str], width: int) -> None:
    line = [Token("  ", "space"), *(Token(part, "other") for part in texts)]
    rows = wrap(line, width)
    assert all(cell_len(row.text) <= width for row in rows)
    assert "".join(row.text[row.indent :] for row in rows) == "".join(token.text for token in line)
    assert [row.wrapped for row in rows] == [False, *[True] * (len(rows) - 1)]


def test_words_stay_whole_where_they_can() -> None:
    rows = wrap([Token("one two three four", "other")], 10)
    assert [row.text for row in rows] == ["one two ", "three four"]


def test_marks_without_width_do_not_fill_a_row_for_ever() -> None:
    rows = wrap([Token("e" + "\u0301" * 100_000, "other")], 40)
    assert max(len(row.text) for row in rows) < 2_000


@given(
    st.tuples(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=400), st.binary(max_size=200)),
    st.integers(1, 200),
    st.sampled_from(list(View)),
)
def test_any_message_fits_any_width(record: tuple[bytes, bytes, bytes, bytes], width: int, view: View) -> None:
    headers = b"NATS/1.0\r\n" + record[3] + b"\r\n\r\n"
    document = MessageDocument((*record[:3], headers), 0.0, width, view)
    for row in text(document):
        assert row.isprintable()
        assert cell_len(row) <= max(document.width, 43)


def test_the_fields_of_a_jetstream_message() -> None:
    record = (b"orders.new", b"$JS.ACK.ORDERS.billing.2.77.3.1760000000000000000.12", b"x" * 2048, block(2))
    rows = "\n".join(text(MessageDocument(record, 0.0, 100, View.TEXT, since_before=1.5)))
    assert re.search(r"^subject +orders\.new$", rows, re.M)
    assert re.search(r"^jetstream +stream ORDERS #77 · consumer billing #3 · delivery 2 · 12 pending$", rows, re.M)
    assert re.search(r"^received +\d{4}-.* · 1\.500 s after the one before$", rows, re.M)
    assert re.search(r"^size +2\.0 KiB payload \(2,048 bytes\) · 40 B headers$", rows, re.M)
    assert re.search(r"^headers +Key-0  value$", rows, re.M)


def test_a_status_of_the_server_is_told() -> None:
    rows = text(MessageDocument((b"_INBOX.1", b"", b"", b"NATS/1.0 503 No Responders\r\n\r\n"), 0.0, 60, View.TEXT))
    assert "status     503 No Responders" in rows
    assert "The payload is empty." in rows


def test_ten_thousand_headers_are_told_and_shown_when_asked_for() -> None:
    record = (b"s", b"", b"{}", block(10_000))
    few = MessageDocument(record, 0.0, 80, View.JSON)
    assert len(few) < 24
    assert any("and 9,992 more: h shows all" in row for row in text(few))
    every = MessageDocument(record, 0.0, 80, View.JSON, all_headers=True)
    assert len(every) > 10_000
    assert any("Key-9999" in row for row in text(every))


def test_sixty_four_megabytes_are_bounded_but_reachable_to_the_last_byte() -> None:
    payload = b"x" * (64 * 1024 * 1024 - 1) + b"!"
    record = (b"s", b"", payload, b"")
    shown = MessageDocument(record, 0.0, 80, View.TEXT)
    assert len(shown) < 4_000
    assert any("the first 262,144 of 67,108,864 bytes" in row for row in text(shown))
    every = MessageDocument(record, 0.0, 80, View.HEX)
    assert every[len(every) - 1].text.endswith("!")
    with pytest.raises(IndexError):
        every[len(every)]


def test_asking_json_of_what_is_none_says_so() -> None:
    rows = text(MessageDocument((b"s", b"", b"plain [/x]", b""), 0.0, 80, View.JSON))
    assert "This payload cannot be read as JSON; it is shown as text." in rows
    assert rows[-1] == "plain [/x]"
    deep = b"[" * 5_000 + b"]" * 5_000
    assert not any("is not JSON" in row for row in text(MessageDocument((b"s", b"", deep, b""), 0.0, 80, View.JSON)))


@pytest.mark.parametrize(
    ("payload", "view"),
    [(b"{}", View.JSON), (b"", View.TEXT), (b"words", View.TEXT), (b"\x00\xff", View.HEX)],
)
def test_the_view_that_suits_a_payload(payload: bytes, view: View) -> None:
    assert best_view(payload) is view


def test_a_row_is_what_it_shows() -> None:
    assert Row((Token("a", "label"), Token("b", "value"))).text == "ab"
