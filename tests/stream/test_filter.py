from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natstui.stream.filter import GLANCE_BYTES, FilterError, parse_filter
from natstui.stream.ring import Entry, Gap, Record
from natstui.stream.terms import PatternTooSlow

ORDER = {
    "id": 7,
    "code": "7",
    "status": "Shipped",
    "order": {"total": 120.5, "vip": True, "note": None, "at": "2026-01-02T10:00:00Z"},
    "items": [{"sku": "A-4", "n": 2}, {"sku": "B-2", "n": 1}],
    "odd key": {"a.b": 1},
}
HEADERS = b"NATS/1.0\r\nNats-Msg-Id: 81\r\nRegion: eu-west\r\nRegion: eu-north\r\nEmpty:\r\n\r\n"
MESSAGE: Record = (b"orders.eu.created", b"_INBOX.1", json.dumps(ORDER).encode(), HEADERS)
PLAIN: Record = (b"log.app", b"", "Fehler: größer als erlaubt, TIMEOUT".encode(), b"")


def lets_through(expression: str, message: Record = MESSAGE) -> bool:
    wanted = parse_filter(expression)
    assert wanted is not None
    return wanted.matches(message)


@pytest.mark.parametrize(
    "expression",
    [
        "shipped",
        "Shipped",
        '"status": "Shipped"'.replace('"', '\\"').join('""'),
        "created",
        "eu-west",
        "/ship+ed/",
        "/A-\\d/",
        "/^orders/",
        "/orders\\.(eu|us)/",
        "/B.2.*odd/s",
        "orders.*.created",
        "orders.>",
        "*.*.*",
        "subject:orders.eu.created",
        "subject:>",
        "header:nats-msg-id",
        "header:Nats-Msg-Id=81",
        'header:Region="eu-north"',
        "header:Region~WEST or header:region~west",
        "header:Region~/^eu-(west|north)$/",
        "header:Region!=us",
        "header:Empty",
        ".id = 7",
        ".id == 7.0",
        ".code = 7",
        '.code = "7"',
        ".id>=7",
        ".order.total > 100",
        ".order.total<=120.5",
        ".order.vip = true",
        ".order.note = null",
        ".order.note",
        ".order.at > 2026-01-01",
        '.order.at < "2026-01-03"',
        ".status != Pending",
        ".status ~ ship",
        ".status ~ /^Sh/",
        '.items[*].sku = "B-2"',
        ".items[].n > 1",
        ".items[0].sku = A-4",
        ".items[-1].n = 1",
        '."odd key"."a.b" = 1',
        "shipped created",
        "shipped and created",
        "nothing or created",
        "nothing or (created and .id = 7)",
        "not nothing",
        "!nothing",
        "not (nothing or (.id > 7))",
        "not not created",
        "not .missing > 1",
        "shipped && created || nothing",
        "NOT nothing AND created",
    ],
)
def test_lets_through(expression: str) -> None:
    assert lets_through(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "SHIPPED",
        "nothing",
        "/shipped$/",
        "/SHIPPED/",
        "orders.*",
        "orders.eu.created.>",
        "subject:orders.eu",
        "header:Nats-Msg-Id=8",
        "header:Msg-Id",
        "header:Region=EU-WEST",
        "header:Region!=us and header:Missing!=us",
        ".id = 8",
        '.id = "7"',
        ".code > 6",
        ".order.total > 120.5",
        ".order.vip = 1",
        ".order.missing",
        ".order.missing != 1",
        ".items.sku",
        ".items[2]",
        ".items[-3]",
        ".id.total",
        ".order > 5",
        "created not shipped",
        "created and (nothing or missing)",
    ],
)
def test_holds_back(expression: str) -> None:
    assert not lets_through(expression)


def test_text_in_any_script_and_case() -> None:
    assert lets_through("größer", PLAIN)
    assert lets_through("fehler timeout", PLAIN)
    assert lets_through("/GRÖßER/i", PLAIN)
    assert not lets_through("Größer", PLAIN)


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[" * 100_000, b"{", b"NaN", b'{"id":' + b"9" * 5_000 + b"}"])
def test_a_payload_that_is_no_json_has_no_values(payload: bytes) -> None:
    assert not lets_through(".id", (b"s", b"", payload, b"\xff"))
    assert not lets_through(".[0]", (b"s", b"", payload, b"")) or payload.startswith(b"[")


def test_a_payload_too_large_to_parse_is_counted() -> None:
    wanted = parse_filter(".id or .code")
    assert wanted is not None
    large = b'{"id": 1, "x": "' + b"x" * 2_000_000 + b'"}'
    assert not wanted.matches((b"s", b"", large, b""))
    assert wanted.too_large.count == 1


def test_a_key_written_with_escapes_is_found() -> None:
    assert lets_through(".total = 5", (b"s", b"", b'{"t\\u006ftal": 5}', b""))


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_expression_is_no_filter(blank: str) -> None:
    assert parse_filter(blank) is None


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("(a", "This parenthesis is not closed: ▶(a"),
        ("a)", "There is no opening parenthesis for this one: a▶)"),
        ("a or", "Something to look for is missing: a or▶"),
        ("()", "Something to look for is missing: (▶)"),
        ("and", "Something to look for is missing before this; to look for the word, quote it: ▶and"),
        ("a and or b", "Something to look for is missing before this; to look for the word, quote it: a and ▶or b"),
        ("/abc", "This pattern is not closed with a slash; put a path in quotation marks: ▶/abc"),
        ("x /a(/", "This is no regular expression (missing )): x ▶/a(/"),
        ("/api/v1", "After a pattern only i, m or s may stand; put a path in quotation marks: /api/▶v1"),
        ("//", "There is nothing between these slashes: ▶//"),
        ('""', 'There is nothing between these quotation marks: ▶""'),
        ('a "b', 'This quotation is not closed: a ▶"b'),
        (".total >", 'A value is missing after ">": .total >▶'),
        ("(.total > )", 'A value is missing after ">": (.total > ▶)'),
        (".total < (5)", 'A value is missing after "<": .total < ▶(5)'),
        ("header:A=(b)", 'A value is missing after "=": header:A=▶(b)'),
        (".", "A name is missing after the dot, as in .order.total: .▶"),
        (".a..b", "A name is missing after the dot, as in .order.total: .a.▶.b"),
        (".a[x]", "An item is written [0], [-1] or [*]: .a▶[x]"),
        ("total > 5", '">" compares a value in the JSON, as in .order.total > 100: total ▶> 5'),
        ("header:", "The name of a header is missing, as in header:Nats-Msg-Id=81: header:▶"),
        ("header:A<3", "Headers are compared with =, != or ~ only: header:A▶<3"),
        ("subject:", "A subject is missing: subject:▶"),
        ("subject:a.>.b", '">" may only end a subject: subject:a.▶>.b'),
        ("subject:a..b", "A subject has no empty tokens: subject:a.▶.b"),
        ("/a{2000}/", "The counts in a pattern may multiply to 1,000 at most, not 2,000: ▶/a{2000}/"),
        ("/(a{100}){100}/", "The counts in a pattern may multiply to 1,000 at most, not 10,000: ▶/(a{100}){100}/"),
    ],
)
def test_a_wrong_expression_is_answered_with_one_sentence_that_points_at_the_place(
    expression: str, sentence: str
) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(expression)
    assert str(raised.value) == sentence
    assert raised.value.position == sentence.split(": ")[-1].index("▶")


@pytest.mark.parametrize(
    "expression", ["x" * 3_000, "(" * 500, "not " * 300, "/" + "x" * 600 + "/", "/" + "(" * 400 + "/"]
)
def test_an_immoderate_expression_is_refused(expression: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(expression)


@given(
    st.text(st.sampled_from("ab ()[]./\\\"'!=<>~:*&|andortheadersubject0-9{}+?^$é\x1b\ud800"), max_size=40) | st.text()
)
def test_whatever_is_typed_is_a_filter_or_a_sentence(expression: str) -> None:
    try:
        wanted = parse_filter(expression)
    except FilterError as error:
        assert 0 <= error.position <= len(expression)
        return
    if wanted is not None:
        for message in (MESSAGE, PLAIN, (b"", b"", b"", b"")):
            try:
                assert wanted.matches(message) in (True, False)
            except PatternTooSlow:
                pass
            wanted.spans(message[2].decode())


@given(st.sampled_from([".id = 7", "nothing", "created", "/x/"]), st.sampled_from(["shipped", ".missing", "orders.>"]))
def test_and_or_not_are_those_of_logic(one: str, other: str) -> None:
    left, right = lets_through(one), lets_through(other)
    assert lets_through(f"{one} and {other}") == (left and right)
    assert lets_through(f"{one} or {other}") == (left or right)
    assert lets_through(f"not {one}") == (not left)
    assert lets_through(f"not ({one} or {other})") == lets_through(f"not {one} not {other}")


@pytest.mark.parametrize(
    "pattern",
    [r"/(a|aa)+$/", r"/(?:x+x+)+y/", r"/\b(?:\w+\s?)+$/", r"/(.*a){20}b/", r"/^(a?){30}a{30}$/"],
)
def test_a_pattern_that_never_ends_is_stopped(pattern: str) -> None:
    texts = [b"a" * 50_000 + b"!", b"x" * 50_000, b"word " * 10_000 + b"!"]
    wanted = parse_filter(pattern)
    assert wanted is not None
    begin = time.monotonic()
    for text in texts:
        try:
            wanted.matches((b"s", b"", text, b""))
        except PatternTooSlow:
            pass
        wanted.spans("a" * 200 + "!")
    assert time.monotonic() - begin < 10


def test_where_a_shown_text_holds_what_was_looked_for() -> None:
    wanted = parse_filter('total /\\d+/ or not hidden "Total"')
    assert wanted is not None
    assert wanted.spans('TOTAL "total": 120, hidden') == [(0, 5), (7, 12), (15, 18)]
    assert wanted.spans("Total") == [(0, 5)]
    assert wanted.spans("") == []


@given(st.text(), st.text(min_size=1, max_size=5))
def test_what_is_marked_is_what_was_looked_for(shown: str, text: str) -> None:
    wanted = parse_filter('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    assert wanted is not None
    spans = wanted.spans(shown)
    assert all(0 <= start < end <= len(shown) for start, end in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))


_pieces = st.text(alphabet="aAbBé\n ", max_size=4).map(lambda text: text.encode("utf-8", "replace"))
_messages = st.tuples(_pieces, _pieces, _pieces, _pieces)


@pytest.mark.parametrize(
    "expression",
    [
        *("a", "A", "ab", '"a b"', "é", "É", "a b", "(a b) B"),
        *("not a", "a or b", "a (b or B)", "not (a or b)", "!A b"),
    ],
)
@given(st.lists(_messages | st.just(Gap("offline", 0.0)), max_size=6))
def test_what_is_ruled_out_at_a_glance_is_what_no_message_matches(expression: str, entries: list[Entry]) -> None:
    wanted = parse_filter(expression)
    assert wanted is not None
    if wanted.rules_out(entries):
        assert not any(isinstance(entry, Gap) or wanted.matches(entry) for entry in entries)


def test_one_word_is_ruled_out_at_a_glance_and_large_payloads_are_not_joined() -> None:
    wanted = parse_filter("zanzibar")
    assert wanted is not None
    assert wanted.rules_out([(b"orders.new", b"", b"pepper", b"")] * 64)
    assert not wanted.rules_out([(b"orders.new", b"", b"ZANZIBAR", b"")])
    assert not wanted.rules_out([(b"orders.new", b"", bytes(GLANCE_BYTES + 1), b"")])
