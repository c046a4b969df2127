"""The protocol parser: messages a whole chunk at a time, everything else by nats-py's own parser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from natstui.connection.message import Record

Deliver = Callable[[bytes, list[Record]], Awaitable[None] | None]
"""Gets a subscription id and the messages of one chunk for it."""

_CONTROL_LINE_LIMIT = 4 << 20
_LINES_KNOWN = 4_096
_LINE_KNOWN_BYTES = 512
_CHUNKS_WITHOUT_PAIRS = 16
_CHUNKS_FULL = 256

_Message = tuple[bytes, bytes, bytes, int, int]
"""What precedes a message: subject, subscription id, reply subject, sizes of its header and of header and payload."""


class ChunkParser(Parser):  # type: ignore[misc,unused-ignore]
    """Walks a chunk in one pass and hands each subscription the list of its messages.

    nats-py's own parser deletes from a bytearray and awaits once per message. Here MSG and HMSG are cut out of the
    immutable chunk; PING, PONG, INFO, +OK are left to the base class, and a ``-ERR`` goes to `server_error` with its
    text as it came (the base class lower-cases it, and dies of a bare one). What came before a control line is
    delivered before it is processed.

    Most chunks are MSG lines and payloads in turn, so a chunk is first split at its line ends as if it were that alone.
    A payload whose length is the one announced proves each pair; from the first that does not fit, on account of a
    header, a control line, or a line end within a payload, the bytes are walked one message after the other.
    """

    def __init__(self, client: Any, deliver: Deliver, server_error: Callable[[str], None]) -> None:
        super().__init__(client)
        self._deliver = deliver
        self._server_error = server_error

    def reset(self) -> None:
        """Forget what is left of the last chunk."""
        super().reset()
        self._tail: list[bytes] = []
        self._tail_size = 0
        self._tail_needed = 0
        self._known: dict[bytes, _Message] = {}
        self._chunks_full = 0
        self._chunks_to_walk = 0

    async def parse(self, data: bytes = b"") -> None:
        """Take one chunk as it came from the socket.

        Raises:
            nats.errors.ProtocolError: the bytes are not the NATS protocol.
        """
        if self._tail:
            self._tail.append(data)
            self._tail_size += len(data)
            if self._tail_size < self._tail_needed:
                return
            data = b"".join(self._tail)
            self._tail = []
        end = len(data)
        batches: dict[bytes, list[Record]] = {}
        sid: bytes | None = None
        append: Callable[[Record], None] | None = None
        find, known = data.find, self._known
        needed = 0
        try:
            position = self._take_pairs(data, batches)
            while position < end:
                line_end = find(b"\r\n", position)
                if line_end < 0:
                    if end - position > _CONTROL_LINE_LIMIT:
                        raise ProtocolError
                    break
                line = data[position:line_end]
                message = known.get(line) or self._learn(line)
                if message is None:
                    if batches:
                        await self._deliver_all(batches)
                        batches, append = {}, None
                    await self._control(line + b"\r\n")
                    position = line_end + 2
                    continue
                subject, record_sid, reply, header_size, size = message
                start = line_end + 2
                stop = start + size
                if stop + 2 > end:
                    needed = stop + 2 - position
                    break
                if data[stop : stop + 2] != b"\r\n":
                    raise ProtocolError
                position = stop + 2
                if append is None or record_sid != sid:
                    sid = record_sid
                    append = batches.setdefault(sid, []).append
                body = start + header_size
                append((subject, reply, data[body:stop], data[start:body]))
        except (IndexError, ValueError) as error:
            raise ProtocolError from error
        finally:
            if batches:
                await self._deliver_all(batches)
        if position < end:
            self._tail = [data[position:] if position else data]
            self._tail_size = end - position
            self._tail_needed = needed or self._tail_size + 1

    def _take_pairs(self, data: bytes, batches: dict[bytes, list[Record]]) -> int:
        """Take the messages that `data` begins with, as far as they are pairs of lines; return where they end."""
        if self._chunks_to_walk:
            self._chunks_to_walk -= 1
            return 0
        pieces = data.split(b"\r\n")
        rest = pieces.pop()
        known, room = self._known, self._room()
        sid: bytes | None = None
        count = 0
        pairs = iter(pieces)
        for line, payload in zip(pairs, pairs, strict=False):
            message = known.get(line)
            if message is not None:
                subject, record_sid, reply, header_size, size = message
                if header_size or len(payload) != size:
                    break
            else:
                # What `_learn` does, without the price of a call: subjects may all be different.
                if line[:4] != b"MSG ":
                    break
                words = line.split()
                if len(words) == 4:
                    _, subject, record_sid, total = words
                    reply = b""
                else:
                    _, subject, record_sid, reply, total = words
                size = int(total)
                if len(payload) != size:
                    break
                if not reply and room > 0 and len(line) <= _LINE_KNOWN_BYTES:
                    known[line] = subject, record_sid, reply, 0, size
                    room -= 1
            if record_sid != sid:
                sid = record_sid
                append = batches.setdefault(sid, []).append
            append((subject, reply, payload, b""))
            count += 2
        if count < len(pieces) - 1:
            self._chunks_to_walk = _CHUNKS_WITHOUT_PAIRS
        return sum(map(len, pieces[:count])) + 2 * count if count < len(pieces) else len(data) - len(rest)

    def _room(self) -> int:
        """How many lines may be remembered; those of another hour make room at last."""
        room = _LINES_KNOWN - len(self._known)
        if room <= 0:
            self._chunks_full += 1
            if self._chunks_full == _CHUNKS_FULL:
                self._chunks_full = 0
                self._known.clear()
        return room

    def _learn(self, line: bytes) -> _Message | None:
        """What a MSG or HMSG line says, None for any other; one without a reply subject is likely to come again.

        Raises:
            ValueError: it is malformed.
        """
        words = line.split()
        reply = b""
        header_size = 0
        if line.startswith(b"MSG "):
            if len(words) == 4:
                _, subject, sid, total = words
            else:
                _, subject, sid, reply, total = words
        elif line.startswith(b"HMSG "):
            if len(words) == 5:
                _, subject, sid, header, total = words
            else:
                _, subject, sid, reply, header, total = words
            header_size = int(header)
            if header_size < 1:
                raise ValueError
        else:
            return None
        size = int(total)
        if size < header_size:
            raise ValueError
        message = subject, sid, reply, header_size, size
        if not reply and len(line) <= _LINE_KNOWN_BYTES and len(self._known) < _LINES_KNOWN:
            self._known[line] = message
        return message

    async def _deliver_all(self, batches: dict[bytes, list[Record]]) -> None:
        for sid, records in batches.items():
            waiting = self._deliver(sid, records)
            if waiting is not None:
                await waiting

    async def _control(self, line: bytes) -> None:
        if line.startswith(b"-ERR"):
            self._server_error(line[4:].strip().strip(b"'").decode("utf-8", "replace"))
            return
        await super().parse(line)
        if self.buf:
            raise ProtocolError
