"""The chunk parser against nats-py's own, on streams cut at random places."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from natstui.connection import parser as parser_module
from natstui.connection.message import Record
from natstui.connection.parser import ChunkParser


class Recorder:
    """Stands where a client does, and writes down what the parser told it, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.told.append(("MSG", sid, subject, reply, data, headers or b""))

    async def _process_ping(self) -> None:
        self.told.append("PING")

    async def _process_pong(self) -> None:
        self.told.append("PONG")

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.told.append(("INFO", info))

    async def _process_err(self, text: str) -> None:
        self.told.append(("-ERR", text.strip("'")))

    def deliver(self, sid: bytes, records: list[Record]) -> None:
        """Take a chunk's messages, as the chunk parser hands them over."""
        for subject, reply, payload, header_block in records:
            self.told.append(("MSG", int(sid), subject, reply, payload, header_block))

    def server_error(self, text: str) -> None:
        """Take an error; the stock parser lower-cases it."""
        self.told.append(("-ERR", text.lower()))


_token = st.text(alphabet="abcXYZ019_-$é", min_size=1, max_size=8)
_subject = st.lists(_token, min_size=1, max_size=4).map(lambda tokens: ".".join(tokens).encode())
_payload = st.binary(max_size=64) | st.just(b"\r\n") | st.just(b"MSG a 1 3\r\nabc\r\n") | st.binary(max_size=9_000)
_headers = st.sampled_from([b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nA: b\r\nA: c\r\n\r\n", b"NATS/1.0 503\r\n\r\n"])


@st.composite
def _operation(draw: st.DrawFn, sids: st.SearchStrategy[int]) -> bytes:
    kind = draw(st.sampled_from(["MSG", "MSG", "MSG", "HMSG", "PING", "PONG", "+OK", "INFO", "-ERR"]))
    if kind in ("MSG", "HMSG"):
        subject, reply, payload = draw(_subject), draw(st.just(b"") | _subject), draw(_payload)
        where = b" ".join(part for part in (subject, str(draw(sids)).encode(), reply) if part)
        if kind == "MSG":
            return b"MSG %b %d\r\n%b\r\n" % (where, len(payload), payload)
        block = draw(_headers)
        return b"HMSG %b %d %d\r\n%b%b\r\n" % (where, len(block), len(block) + len(payload), block, payload)
    if kind == "INFO":
        return b'INFO {"server_id":"x","max_payload":5}\r\n'
    if kind == "-ERR":
        return b"-ERR 'Permissions Violation for Publish to \"a\"'\r\n"
    return kind.encode() + b"\r\n"


def _cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


def _run(parser: Parser, chunks: list[bytes]) -> None:
    async def feed() -> None:
        for chunk in chunks:
            await parser.parse(chunk)

    asyncio.run(feed())


@given(st.lists(_operation(st.just(7)), max_size=12), st.lists(st.integers(0, 1 << 20), max_size=12))
@settings(max_examples=300, deadline=None)
def test_what_is_told_is_what_the_stock_parser_tells_however_the_stream_is_cut(
    operations: list[bytes], places: list[int]
) -> None:
    stream = b"".join(operations)
    stock, chunked = Recorder(), Recorder()
    _run(Parser(stock), [stream])
    _run(ChunkParser(chunked, chunked.deliver, chunked.server_error), _cut(stream, places))
    assert chunked.told == stock.told


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"a", b"b.c", b"d"]) | _subject, st.integers(1, 3), st.just(b"") | _subject, _payload
        ),
        max_size=30,
    ),
    st.lists(st.integers(0, 1 << 20), max_size=12),
    st.integers(1, 4),
)
@settings(max_examples=300, deadline=None)
def test_messages_alone_are_told_as_the_stock_parser_tells_them_with_few_lines_or_many_remembered(
    messages: list[tuple[bytes, int, bytes, bytes]], places: list[int], lines_known: int
) -> None:
    stream = b"".join(
        b"MSG %b %d\r\n%b\r\n"
        % (b" ".join(part for part in (subject, b"%d" % sid, reply) if part), len(payload), payload)
        for subject, sid, reply, payload in messages
    )
    stock, chunked = Recorder(), Recorder()
    _run(Parser(stock), [stream])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser_module, "_LINES_KNOWN", lines_known)
        patch.setattr(parser_module, "_CHUNKS_FULL", 2)
        patch.setattr(parser_module, "_CHUNKS_WITHOUT_PAIRS", 1)
        _run(ChunkParser(chunked, chunked.deliver, chunked.server_error), _cut(stream, places))
    for sid in range(1, 4):
        assert [item for item in map(partial(_of, sid), chunked.told) if item] == [
            item for item in map(partial(_of, sid), stock.told) if item
        ]


@given(st.lists(_operation(st.integers(1, 4)), max_size=20), st.lists(st.integers(0, 1 << 20), max_size=5))
@settings(max_examples=150, deadline=None)
def test_each_subscription_gets_its_messages_in_order_and_before_the_control_line_behind_them(
    operations: list[bytes], places: list[int]
) -> None:
    stream = b"".join(operations)
    stock, chunked = Recorder(), Recorder()
    _run(Parser(stock), [stream])
    _run(ChunkParser(chunked, chunked.deliver, chunked.server_error), _cut(stream, places))
    for sid in range(1, 5):
        mine = [_of(sid, item) for item in chunked.told]
        assert [item for item in mine if item] == [item for item in (_of(sid, i) for i in stock.told) if item]


def _of(sid: int, item: Any) -> Any:
    return None if item[0] == "MSG" and item[1] != sid else item


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
@settings(max_examples=300, deadline=None)
def test_garbage_never_hangs_and_only_ever_raises_a_protocol_error(stream: bytes, places: list[int]) -> None:
    recorder = Recorder()
    try:
        _run(ChunkParser(recorder, recorder.deliver, recorder.server_error), _cut(stream, places))
    except ProtocolError:
        return
    assert all(isinstance(item, str | tuple) for item in recorder.told)


@pytest.mark.parametrize(
    "stream",
    [
        b"MSG a 1 3\r\nabcdef\r\n",
        b"MSG a 1 x\r\nabc\r\n",
        b"MSG a 1 -3\r\nabc\r\n",
        b"MSG a\r\n",
        b"HMSG a 1 9 3\r\nabc\r\n",
        b"HELLO\r\n",
        b"\r\n",
    ],
)
def test_a_stream_out_of_step_is_a_protocol_error(stream: bytes) -> None:
    recorder = Recorder()
    with pytest.raises(ProtocolError):
        _run(ChunkParser(recorder, recorder.deliver, recorder.server_error), [stream])


def test_a_bare_error_is_told_and_reading_goes_on() -> None:
    recorder = Recorder()
    parser = ChunkParser(recorder, recorder.deliver, recorder.server_error)
    _run(parser, [b"-ERR\r\n-ERR 'Stale Connection'\r\nPING\r\n"])
    assert recorder.told == [("-ERR", ""), ("-ERR", "stale connection"), "PING"]


def test_a_payload_of_many_chunks_is_joined_once() -> None:
    payload = bytes(range(256)) * 40_000
    stream = b"MSG big 1 %d\r\n%b\r\nPING\r\n" % (len(payload), payload)
    recorder = Recorder()
    parser = ChunkParser(recorder, recorder.deliver, recorder.server_error)
    _run(parser, [stream[start : start + 4_096] for start in range(0, len(stream), 4_096)])
    assert recorder.told == [("MSG", 1, b"big", b"", payload, b""), "PING"]
