"""What is inside a message: headers, the kind of payload, and views of it as JSON, text and bytes, always bounded.

Nothing here is sanitised unless it says so: exact values are what filters and exports need.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from natstui.stream.sanitise import decode_start, sanitise, sanitise_bytes, sanitise_lines

SHOWN_BYTES = 256 * 1024
"""Bytes of a payload that are shown as text or JSON; the whole can be read as hex and saved to a file."""

SHOWN_LINES = 10_000
"""Lines of a payload that are shown as text or JSON."""

CHECKED_BYTES = 2 * 1024 * 1024
"""A payload up to this size is parsed to know whether it is JSON; a larger one is judged by its first and last byte."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_STATUS = re.compile(rb"NATS/1\.0[ \t]*([0-9]{3})?[ \t]*([^\r\n]*)")


class PayloadKind(StrEnum):
    """How a payload is best read."""

    EMPTY = "empty"
    JSON = "json"
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of a message, in their order, duplicates kept."""

    pairs: tuple[tuple[str, str], ...] = ()
    """Keys and values as sent; bytes that are not UTF-8 show as U+FFFD."""

    status: int | None = None
    """The status of a message that the server itself sent: 503 for "no responders"."""

    description: str = ""
    """The words beside the status."""

    more: int = 0
    """Headers beyond the limit that was asked for."""

    def get(self, key: str) -> str | None:
        """The first value of `key`, in any case of letters, or None."""
        wanted = key.casefold()
        return next((value for name, value in self.pairs if name.casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line of JSON."""

    text: str
    """The piece, sanitised."""

    kind: str
    """key, string, number, literal (true, false, null), mark (brackets, commas, colons), space, or other (not JSON)."""


@dataclass(frozen=True, slots=True)
class PayloadText:
    """A payload as lines of sanitised text, each line a tuple of tokens."""

    lines: tuple[tuple[Token, ...], ...]
    """The lines; plain text has one token of kind "other" per line."""

    cut: str = ""
    """What is not shown and how to have it, in one sentence; empty where everything is shown."""


def parse_headers(block: bytes, limit: int | None = None) -> Headers:
    """The headers in a raw `NATS/1.0 …` block; at most `limit` of them, the rest counted. No block, no headers."""
    if not block:
        return Headers()
    end = block.find(b"\n")
    first = _STATUS.match(block)
    status = int(first[1]) if first and first[1] else None
    description = first[2].decode("utf-8", "replace").strip() if first and first[1] else ""
    if first is None or end < 0:
        return Headers((), status, description)
    lines = [line for line in block[end + 1 :].split(b"\n") if line not in (b"", b"\r")]
    shown = lines if limit is None else lines[:limit]
    pairs = []
    for line in shown:
        key, _, value = line.decode("utf-8", "replace").rstrip("\r").partition(":")
        pairs.append((key.strip(" \t"), value.strip(" \t")))
    return Headers(tuple(pairs), status, description, len(lines) - len(shown))


def header_count(block: bytes) -> int:
    """How many headers a raw block holds, without decoding any."""
    return max(0, block.count(b"\n") - 2) if block else 0


def payload_kind(payload: bytes) -> PayloadKind:
    """How `payload` is best read. JSON means an object, an array, or a bare number, string or literal that parses."""
    if not payload:
        return PayloadKind.EMPTY
    if len(payload) > CHECKED_BYTES:
        first, last = payload[:64].lstrip()[:1], payload[-64:].rstrip()[-1:]
        if (first, last) in ((b"{", b"}"), (b"[", b"]")):
            return PayloadKind.JSON
        return PayloadKind.TEXT if _is_text(payload[:CHECKED_BYTES], cut=True) else PayloadKind.BINARY
    try:
        json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        return PayloadKind.TEXT if _is_text(payload, cut=False) else PayloadKind.BINARY
    return PayloadKind.JSON


def _is_text(data: bytes, *, cut: bool) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if not cut or error.start < len(data) - 4:
            return False
        text = data[: error.start].decode("utf-8")
    controls = sum(text.count(chr(code)) for code in range(0x20) if code not in (9, 10, 13, 27))
    return controls * 20 <= len(text)


def text_lines(payload: bytes, max_bytes: int = SHOWN_BYTES, max_lines: int = SHOWN_LINES) -> PayloadText:
    """`payload` as plain text, lines broken where it breaks them, cut after `max_bytes` or `max_lines`."""
    lines = sanitise_lines(decode_start(payload, max_bytes))
    shown = tuple((Token(line, "other"),) for line in lines[:max_lines])
    return PayloadText(shown, _cut_words(payload, max_bytes, len(lines) > max_lines, len(shown)))


def json_lines(
    payload: bytes, max_bytes: int = SHOWN_BYTES, max_lines: int = SHOWN_LINES, indent: int = 2
) -> PayloadText:
    """`payload`, which is JSON, one member per line and indented; what it says is unchanged.

    Works on the text, not on parsed values: duplicate keys, digits of numbers and escapes in strings stay as sent.
    Reads no further than `max_bytes` and stops after `max_lines`.
    """
    text = decode_start(payload, max_bytes)
    lines: list[tuple[Token, ...]] = []
    line: list[Token] = []
    depth = 0
    opened = ""
    full = False

    def break_line() -> None:
        lines.append(tuple(line))
        line.clear()
        if depth:
            line.append(Token(" " * (indent * min(depth, 40)), "space"))

    for match in _TOKEN.finditer(text):
        token = match[0]
        if len(lines) >= max_lines:
            full = True
            break
        if token in "]}":
            depth = max(0, depth - 1)
            if not opened:
                break_line()
            line.append(Token(token, "mark"))
            opened = ""
            continue
        if opened:
            break_line()
            opened = ""
        if token in "[{":
            line.append(Token(token, "mark"))
            depth += 1
            opened = token
        elif token == ",":
            line.append(Token(token, "mark"))
            break_line()
        elif token == ":":
            if line and line[-1].kind == "string":
                line[-1] = Token(line[-1].text, "key")
            line.append(Token(": ", "mark"))
        else:
            line.append(Token(sanitise(token), _kind(token)))
    if line and not full:
        lines.append(tuple(line))
    return PayloadText(tuple(lines), _cut_words(payload, max_bytes, full, len(lines)))


def _kind(token: str) -> str:
    if token[0] == '"':
        return "string"
    if token[0] in "-0123456789":
        return "number"
    return "literal" if token in ("true", "false", "null") else "other"


def _cut_words(payload: bytes, max_bytes: int, too_many_lines: bool, lines: int) -> str:
    how = "x shows every byte, s saves the whole"
    if too_many_lines:
        return f"Shown: the first {lines:,} lines of {len(payload):,} bytes; {how}."
    if len(payload) > max_bytes:
        return f"Shown: the first {max_bytes:,} of {len(payload):,} bytes; {how}."
    return ""


def hex_row_count(payload: bytes, width: int = 16) -> int:
    """How many rows of `width` bytes `payload` fills."""
    return -(-len(payload) // width)


def hex_row(payload: bytes, row: int, width: int = 16) -> tuple[str, str, str]:
    """One row of a hex dump: offset, bytes in eights, and ASCII with a dot for what is none. Reads no other row."""
    data = payload[row * width : (row + 1) * width]
    groups = [data[start : start + 8].hex(" ") for start in range(0, width, 8)]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)
    return f"{row * width:08x}", "  ".join(group.ljust(23) for group in groups), text


def header_preview(block: bytes, width: int) -> str:
    """The headers on one line, sanitised, at most `width` characters; reads no more of the block than it needs."""
    if not block or width <= 0:
        return ""
    head = block[: 64 + 8 * width]
    headers = parse_headers(head, limit=width)
    words = [f"{headers.status} {headers.description}".strip()] if headers.status is not None else []
    words += [f"{key}: {value}" for key, value in headers.pairs]
    return sanitise("  ".join(words)[:width])


def subject_preview(subject: bytes, width: int) -> str:
    """The beginning of a subject, sanitised, at most `width` characters."""
    return sanitise(decode_start(subject, 4 * width)[:width]) if width > 0 else ""


def size_words(size: int) -> str:
    """A size in at most eight characters: 512 B, 1.5 KiB, 64 MiB."""
    if size < 1024:
        return f"{size} B"
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        amount, unit = amount / 1024, larger
        if amount < 999.5:
            break
    return f"{amount:.1f} {unit}" if amount < 99.95 else f"{amount:.0f} {unit}"


def jetstream_words(reply: bytes) -> str:
    """What a JetStream acknowledgement subject says about its message, in words and sanitised; empty for any other."""
    tokens = reply[:1024].split(b".")
    if tokens[:2] != [b"$JS", b"ACK"] or len(tokens) not in (9, 11, 12):
        return ""
    stream, consumer, delivered, stream_sequence, consumer_sequence, _, pending = tokens[
        2 if len(tokens) == 9 else 4 :
    ][:7]
    words = (
        f"stream {sanitise_bytes(stream)} #{sanitise_bytes(stream_sequence)}",
        f"consumer {sanitise_bytes(consumer)} #{sanitise_bytes(consumer_sequence)}",
        f"delivery {sanitise_bytes(delivered)}",
        f"{sanitise_bytes(pending)} pending",
    )
    return " · ".join(words)


def subject_text(subject: bytes) -> str:
    """A whole subject, sanitised."""
    return sanitise_bytes(subject)
