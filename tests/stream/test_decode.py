from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natstui.stream.decode import (
    PayloadKind,
    header_count,
    header_preview,
    hex_row,
    hex_row_count,
    json_lines,
    parse_headers,
    payload_kind,
    size_words,
    text_lines,
)
from natstui.stream.sanitise import sanitise

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def block(*pairs: tuple[str, str], status: str = "") -> bytes:
    return f"NATS/1.0{status}\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in pairs) + b"\r\n"


def plain(lines: tuple[tuple[object, ...], ...]) -> list[str]:
    return ["".join(token.text for token in line) for line in lines]  # type: ignore[attr-defined]


def test_headers_keep_their_order_and_their_duplicates() -> None:
    raw = block(("A", "1"), ("b", "two: three"), ("A", ""), ("Empty", ""))
    headers = parse_headers(raw)
    assert headers.pairs == (("A", "1"), ("b", "two: three"), ("A", ""), ("Empty", ""))
    assert (headers.status, headers.description, headers.more) == (None, "", 0)
    assert header_count(raw) == 4
    assert (headers.get("B"), headers.get("a"), headers.get("c")) == ("two: three", "1", None)


def test_the_status_that_the_server_sent() -> None:
    headers = parse_headers(b"NATS/1.0 503\r\n\r\n")
    assert (headers.status, headers.description, headers.pairs) == (503, "", ())
    headers = parse_headers(b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Stream: 7\r\n\r\n")
    assert (headers.status, headers.description) == (100, "Idle Heartbeat")
    assert headers.get("nats-last-stream") == "7"


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"NATS/1.0", b"\xff\xfe"])
def test_a_block_that_is_none_has_no_headers(raw: bytes) -> None:
    assert parse_headers(raw).pairs == ()


@given(st.binary())
def test_no_block_breaks_the_parser(raw: bytes) -> None:
    parse_headers(raw)
    parse_headers(b"NATS/1.0" + raw)
    assert len(header_preview(b"NATS/1.0\r\n" + raw, 20)) <= 20


def test_ten_thousand_headers_are_counted_and_shown_up_to_a_limit() -> None:
    raw = block(*((f"K{number}", "v") for number in range(10_000)))
    assert header_count(raw) == 10_000
    headers = parse_headers(raw, limit=100)
    assert (len(headers.pairs), headers.more) == (100, 9_900)
    assert header_preview(raw, 12) == "K0: v  K1: v"


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", PayloadKind.EMPTY),
        (b'{"a": 1}', PayloadKind.JSON),
        (b" [1, 2]\n", PayloadKind.JSON),
        (b"17", PayloadKind.JSON),
        (b'{"a": 1', PayloadKind.TEXT),
        (b"hello", PayloadKind.TEXT),
        ("grüße\n\tdich".encode(), PayloadKind.TEXT),
        (b"\x1b[31mred\x1b[0m", PayloadKind.TEXT),
        (b"\x00\x01\x02\x03", PayloadKind.BINARY),
        (b"caf\xe9", PayloadKind.BINARY),
        (b"[" * 1_000_000, PayloadKind.TEXT),
        (b"9" * 1_000_000, PayloadKind.TEXT),
        (b'{"a":"' + b"x" * 3_000_000 + b'"}', PayloadKind.JSON),
        (b"x" * 3_000_000, PayloadKind.TEXT),
        ("é".encode() * 1_500_000, PayloadKind.TEXT),
        (b"\xff" * 3_000_000, PayloadKind.BINARY),
    ],
)
def test_kinds(payload: bytes, kind: PayloadKind) -> None:
    assert payload_kind(payload) is kind


def test_json_is_indented_and_otherwise_as_sent() -> None:
    shown = json_lines(
        b'{"total":12.80,"total":1E400,"big":12345678901234567890123,"e":{},"l":[[],1],"s":"\\u001b\\n"}'
    )
    assert plain(shown.lines) == [
        "{",
        '  "total": 12.80,',
        '  "total": 1E400,',
        '  "big": 12345678901234567890123,',
        '  "e": {},',
        '  "l": [',
        "    [],",
        "    1",
        "  ],",
        '  "s": "\\u001b\\n"',
        "}",
    ]
    assert shown.cut == ""
    kinds = {token.text: token.kind for line in shown.lines for token in line}
    assert kinds['"total"'] == "key"
    assert kinds["12.80"] == "number"
    assert kinds['"\\u001b\\n"'] == "string"


@given(JSON)
def test_indenting_changes_nothing_but_spaces(value: object) -> None:
    compact = json.dumps(value, ensure_ascii=False)
    shown = json_lines(compact.encode("utf-8", "replace"))
    text = "".join(plain(shown.lines))
    expected = sanitise(compact.encode("utf-8", "replace").decode())
    assert text.replace(" ", "") == expected.replace(" ", "")


@given(st.text(st.characters(exclude_categories=("Zs", "Zl", "Zp", "Cc", "Cs"))))
def test_what_is_not_json_is_shown_all_the_same(text: str) -> None:
    assert "".join(plain(json_lines(text.encode()).lines)).replace(" ", "") == sanitise(text)


def test_a_megabyte_on_one_line_is_cut_with_a_clear_word() -> None:
    payload = b'{"a":"' + b"x" * 1_000_000 + b'"}'
    for shown in (json_lines(payload), text_lines(payload)):
        assert sum(len(line) for line in plain(shown.lines)) <= 262_200
        assert shown.cut == "Shown: the first 262,144 of 1,000,008 bytes; x shows every byte, s saves the whole."


def test_too_many_lines_are_cut_with_a_clear_word() -> None:
    many = b"[" + b"1," * 50_000 + b"1]"
    shown = json_lines(many)
    assert len(shown.lines) == 10_000
    assert shown.cut == "Shown: the first 10,000 lines of 100,003 bytes; x shows every byte, s saves the whole."
    assert text_lines(b"a\n" * 20_000).cut.startswith("Shown: the first 10,000 lines")


def test_deep_nesting_does_not_run_off_the_screen() -> None:
    shown = json_lines(b"[" * 5_000)
    assert max(len(line) for line in plain(shown.lines)) <= 81


@given(st.binary(max_size=200), st.sampled_from([8, 16, 32]))
def test_hex_rows_hold_every_byte_once(payload: bytes, width: int) -> None:
    rows = [hex_row(payload, row, width) for row in range(hex_row_count(payload, width))]
    assert bytes.fromhex("".join(row[1] for row in rows)) == payload
    assert [int(row[0], 16) for row in rows] == list(range(0, len(payload), width))
    assert all(len(row[1]) == len(rows[0][1]) and row[2].isprintable() for row in rows)


def test_a_hex_row() -> None:
    assert hex_row(b"Hello\x1b\x00~\x7f", 0) == (
        "00000000",
        "48 65 6c 6c 6f 1b 00 7e  7f" + " " * 21,
        "Hello··~·",
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1_000_000, "977 KiB"), (1 << 26, "64.0 MiB")],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert size_words(size) == words


@given(st.integers(0, 1 << 45))
def test_sizes_fit_their_column(size: int) -> None:
    assert len(size_words(size)) <= 8
