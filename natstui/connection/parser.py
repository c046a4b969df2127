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
_M, _H = ord("M"), ord("H")


class ChunkParser(Parser):  # type: ignore[misc,unused-ignore]
    """Walks a chunk in one pass and hands each subscription the list of its messages.

    nats-py's own parser deletes from a bytearray and awaits once per message. Here MSG and HMSG are cut out of the
    immutable chunk; PING, PONG, INFO, +OK are left to the base class, and a ``-ERR`` goes to `server_error` with its
    text as it came (the base class lower-cases it, and dies of a bare one). What came before a control line is
    delivered before it is processed.
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
        position = 0
        end = len(data)
        batches: dict[bytes, list[Record]] = {}
        sid: bytes = b""
        append: Callable[[Record], None] | None = None
        find = data.find
        needed = 0
        try:
            while position < end:
                line_end = find(b"\r\n", position)
                if line_end < 0:
                    if end - position > _CONTROL_LINE_LIMIT:
                        raise ProtocolError
                    break
                kind = data[position]
                if kind == _M:
                    arguments = data[position + 4 : line_end].split()
                    if len(arguments) == 3:
                        subject, record_sid, size = arguments
                        reply = b""
                    else:
                        subject, record_sid, reply, size = arguments
                    start = line_end + 2
                    stop = start + int(size)
                    if stop + 2 > end:
                        needed = stop + 2 - position
                        break
                    record = (subject, reply, data[start:stop], b"")
                elif kind == _H:
                    arguments = data[position + 5 : line_end].split()
                    if len(arguments) == 4:
                        subject, record_sid, header_size, size = arguments
                        reply = b""
                    else:
                        subject, record_sid, reply, header_size, size = arguments
                    start = line_end + 2
                    stop = start + int(size)
                    if stop + 2 > end:
                        needed = stop + 2 - position
                        break
                    body = start + int(header_size)
                    if not start < body <= stop:
                        raise ProtocolError
                    record = (subject, reply, data[body:stop], data[start:body])
                else:
                    if batches:
                        await self._deliver_all(batches)
                        batches, append = {}, None
                    await self._control(data[position : line_end + 2])
                    position = line_end + 2
                    continue
                if stop < start or data[stop : stop + 2] != b"\r\n":
                    raise ProtocolError
                position = stop + 2
                if append is None or record_sid != sid:
                    sid = record_sid
                    append = batches.setdefault(sid, []).append
                append(record)
        except (IndexError, ValueError) as error:
            raise ProtocolError from error
        finally:
            if batches:
                await self._deliver_all(batches)
        if position < end:
            self._tail = [data[position:] if position else data]
            self._tail_size = end - position
            self._tail_needed = needed or self._tail_size + 1

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
