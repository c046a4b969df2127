"""Messages as they come off the wire, and headers as they go onto it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from natstui.connection.errors import HeaderError, PayloadTooLargeError

Record = tuple[bytes, bytes, bytes, bytes]
"""One message as parsed: subject, reply, payload, raw header block (empty where there is none)."""

Headers = Mapping[str, str | Sequence[str]]
"""Header names to a value, or to several."""

_VERSION_LINE = b"NATS/1.0"
_PUBLISH = re.compile(rb"(?:\A|[\r\n])\s*H?PUB\s", re.IGNORECASE)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Message:
    """One message received.

    `headers` is parsed when it is first asked for, so that a handler that does not look pays nothing.
    """

    __slots__ = ("_headers", "data", "header_block", "reply", "subject")

    def __init__(self, record: Record) -> None:
        self.subject = record[0].decode("utf-8", "replace")
        self.reply = record[1].decode("utf-8", "replace")
        """The reply subject; empty where there is none."""
        self.data = record[2]
        """The payload."""
        self.header_block = record[3]
        """The raw header block, version line included."""
        self._headers: dict[str, str] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Header names to values; the first value where a name stands more than once. Empty where there are none."""
        if self._headers is None:
            self._headers = {}
            for line in self.header_block.split(b"\r\n")[1:]:
                name, separator, value = line.partition(b":")
                if separator:
                    self._headers.setdefault(
                        name.decode("utf-8", "replace").strip(), value.decode("utf-8", "replace").strip()
                    )
        return self._headers

    @property
    def status(self) -> str:
        """The inline status ("503" for no responders), or ""."""
        return self.header_block[len(_VERSION_LINE) :].split(b"\r\n", 1)[0].strip()[:3].decode("ascii", "replace")

    def __repr__(self) -> str:
        return f"Message(subject={self.subject!r}, reply={self.reply!r}, size={len(self.data)})"


@dataclass(frozen=True, slots=True)
class Reply:
    """One of the replies to a request, and the seconds it took."""

    message: Message
    latency: float


def encode_headers(headers: Headers | None) -> bytes:
    """Return the header block that goes onto the wire; b"" for no headers.

    Raises:
        HeaderError: a name is no token (RFC 7230), or a value holds a line break.
    """
    if not headers:
        return b""
    lines = [_VERSION_LINE]
    for name, given in headers.items():
        if not _NAME.fullmatch(name):
            raise HeaderError(f"the header name {name!r} cannot be sent", "use letters, digits and -_.~ without spaces")
        for value in (given,) if isinstance(given, str) else given:
            if "\r" in value or "\n" in value:
                raise HeaderError(f"the value of header {name} holds a line break", "put it on one line")
            lines.append(f"{name}: {value.strip()}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n"


def check_size(size: int, max_payload: int) -> None:
    """Compare headers and payload together with the server's limit.

    Raises:
        PayloadTooLargeError: it is too much.
    """
    if size > max_payload:
        raise PayloadTooLargeError(
            f"the message is {size:,} bytes, and the server takes {max_payload:,} at most",
            "make it smaller, or raise max_payload in the server",
        )


def holds_publish(commands: bytes) -> bool:
    """Whether protocol commands hold a PUB or HPUB, also one hidden behind a line break of another command."""
    return _PUBLISH.search(commands) is not None
