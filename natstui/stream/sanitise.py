"""The one function that untrusted text passes before a widget sees it.

Payloads, subjects, headers and the server's error texts may hold anything: escape sequences that would drive the
terminal, C1 controls, bidirectional overrides, characters that nobody can see. Here each of them becomes one visible
character, so that what is shown is what is there, as many characters long, and harmless in every terminal.
"""

from __future__ import annotations

import re
import unicodedata

DOT = "·"
"""Stands for a character that has no picture: C1 controls, bidirectional and zero-width characters, private use."""

BROKEN = "\N{REPLACEMENT CHARACTER}"
"""Stands for bytes that are not UTF-8 and for lone surrogates."""

LINE_SEPARATOR = "\N{SYMBOL FOR NEWLINE}"
"""Stands for U+2028 and U+2029."""

# Printable to Python, yet invisible on a screen or changing the width of the character before them.
_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_INDENTATION = re.compile(r"[ \t]*[\r\n][ \t\r\n]*")
_LINE_BREAK = re.compile("\r\n|\r|\n")


def _replacement(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    character = chr(code)
    if character.isprintable():
        return DOT if _HIDDEN.match(character) else character
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category == "Cs":
        return BROKEN
    if category in ("Zl", "Zp"):
        return LINE_SEPARATOR
    return DOT


class _Table(dict[int, str]):
    """Replacements by code point, filled as they are met and bounded, since hostile text could name all 1.1 million."""

    LIMIT = 8192

    def __missing__(self, code: int) -> str:
        replacement = _replacement(code)
        if len(self) < self.LIMIT:
            self[code] = replacement
        return replacement


_TABLE = _Table({code: _replacement(code) for code in range(0x100)})


def sanitise(text: str) -> str:
    """`text` with every character that is not plainly visible replaced by one that is.

    The result is as long as `text`, holds no control, format, separator (other than the space), surrogate or
    unassigned character, and is its own sanitised form. It is still not markup: show it with `markup=False`.
    """
    if text.isprintable() and (text.isascii() or not _HIDDEN.search(text)):
        return text
    return text.translate(_TABLE)


def sanitise_bytes(data: bytes) -> str:
    """`data` decoded as UTF-8, with U+FFFD for what is not UTF-8, and sanitised. For text known to be short."""
    return sanitise(data.decode("utf-8", "replace"))


def sanitise_lines(text: str, tab_size: int = 4) -> list[str]:
    """`text` as sanitised lines: line breaks (LF, CRLF, CR) break lines and tabs become spaces, as a reader expects."""
    return [sanitise(line.expandtabs(tab_size)) for line in _LINE_BREAK.split(text)]


def decode_start(data: bytes, size: int) -> str:
    """The first `size` bytes of `data` as text; a character halved by the cut is left out, not shown as broken."""
    if len(data) <= size:
        return data.decode("utf-8", "replace")
    head = data[:size]
    for back in range(1, min(4, size) + 1):
        byte = head[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            if length > back:
                head = head[:-back]
            break
    return head.decode("utf-8", "replace")


def preview(payload: bytes, width: int) -> str:
    """The beginning of `payload` on one line: at most `width` characters, sanitised.

    Decodes no more than eight bytes per character asked for, however large the payload is. A line break of JSON and its
    indentation are shown as one space; elsewhere they are shown as the characters they are.
    """
    if width <= 0:
        return ""
    if payload[:1] in (b"{", b"[") and b"\n" in payload[: 8 * width]:
        text = _INDENTATION.sub(" ", decode_start(payload, 8 * width))
    else:
        text = decode_start(payload, 4 * width)
    return sanitise(text[:width])
