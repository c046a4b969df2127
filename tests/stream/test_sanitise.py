from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natstui.stream.sanitise import decode_start, preview, sanitise, sanitise_bytes, sanitise_lines

ANY_TEXT = st.text(st.characters())
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def assert_harmless(text: str) -> None:
    for character in text:
        assert unicodedata.category(character) not in FORBIDDEN, f"U+{ord(character):04X} in {text!r}"
        assert character == " " or unicodedata.category(character) != "Zs"


@given(ANY_TEXT)
def test_no_character_that_comes_out_drives_a_terminal(text: str) -> None:
    assert_harmless(sanitise(text))


@given(ANY_TEXT)
def test_length_stays_and_a_second_time_changes_nothing(text: str) -> None:
    once = sanitise(text)
    assert len(once) == len(text)
    assert sanitise(once) == once


@given(st.binary())
def test_any_bytes_can_be_shown(data: bytes) -> None:
    assert_harmless(sanitise_bytes(data))
    for line in sanitise_lines(data.decode("utf-8", "replace")):
        assert_harmless(line)


def test_every_code_point_becomes_one_harmless_character() -> None:
    shown = {sanitise(chr(code)) for code in range(0x110000)}
    assert all(len(character) == 1 for character in shown)
    assert_harmless("".join(shown))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;x\x07", "␛]0;x␇"),
        ("\x9b31m", "·31m"),
        ("\x7f", "␡"),
        ("a\u202eb\u2066c", "a·b·c"),
        ("pass\u200bword", "pass·word"),
        ("\ud800", "�"),
        ("one\u2028two", "one␤two"),
        ("a\tb\nc\r", "a␉b␊c␍"),
        ("a\u00a0b", "a b"),
        ("[/x] [red]", "[/x] [red]"),
        ("日本語 é e\u0301 😀", "日本語 é e\u0301 😀"),
        ("\u3164 \ufe0f \U000e0041 \ue000", "· · · ·"),
    ],
)
def test_what_stands_for_what(text: str, shown: str) -> None:
    assert sanitise(text) == shown


def test_lines_break_where_the_text_breaks_them() -> None:
    assert sanitise_lines("a\tb\r\nc\x1b\n\nd\re") == ["a   b", "c␛", "", "d", "e"]


@given(st.text(), st.integers(0, 40))
def test_a_cut_never_halves_a_character(text: str, size: int) -> None:
    data = text.encode()
    start = decode_start(data, size)
    assert text.startswith(start)
    assert len(start.encode()) > min(size, len(data)) - 4


@given(st.binary(), st.integers(0, 50))
def test_a_preview_is_bounded_and_harmless(payload: bytes, width: int) -> None:
    shown = preview(payload, width)
    assert len(shown) <= width
    assert_harmless(shown)


class CountingBytes(bytes):
    """Bytes that note how long the slices were that were taken of them, and refuse to be decoded whole."""

    longest = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        part = super().__getitem__(key)
        if isinstance(part, bytes):
            CountingBytes.longest = max(CountingBytes.longest, len(part))
        return part

    def decode(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        raise AssertionError("the whole payload was decoded")


@pytest.mark.parametrize("payload", [b"x" * 1_000_000, b'{"a":\n' + b" " * 1_000_000, b"\xff" * 1_000_000])
def test_a_preview_reads_only_the_beginning_of_a_megabyte(payload: bytes) -> None:
    CountingBytes.longest = 0
    assert len(preview(CountingBytes(payload), 80)) <= 80
    assert 0 < CountingBytes.longest <= 8 * 80


def test_indented_json_is_previewed_on_one_line() -> None:
    assert preview(b'{\n  "id": 1,\r\n\t"a  b": 2\n}', 60) == '{ "id": 1, "a  b": 2 }'
    assert preview(b"line one\n  line two", 60) == "line one␊  line two"
