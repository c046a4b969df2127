"""What a filter can ask of one message: text, a pattern, a subject, a header, a value in its JSON.

Each term is made once and asked of very many messages, cheapest look first. None raises for what is in a message,
except `PatternTooSlow`.
"""

from __future__ import annotations

import importlib
import json
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

from natstui.stream.decode import parse_headers
from natstui.stream.ring import Record
from natstui.stream.sanitise import decode_start

Predicate: TypeAlias = Callable[[Record], bool]
Span: TypeAlias = tuple[int, int]
Finder: TypeAlias = Callable[[str], Iterable[Span]]
"""Where a text that is shown holds what was asked for."""

PATTERN_BYTES = 64 * 1024
"""A pattern is looked for in this much of a payload and of the headers."""

PATTERN_SECONDS = 0.02
"""The longest that a pattern may take over one text."""

PATTERN_LENGTH = 500
"""Characters in a pattern at most."""

REPEATS = 1000
"""The largest product of the counts, such as {20}, in one pattern: they cost memory even unmatched."""

JSON_BYTES = 1024 * 1024
"""A payload larger than this is not parsed for a filter."""

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_COUNT = re.compile(r"\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\}")
_MISSING = object()


class PatternTooSlow(Exception):
    """A pattern took longer than `PATTERN_SECONDS` over one text."""


class BadPattern(ValueError):
    """A pattern that cannot be used: one sentence."""


class TooLarge:
    """Counts the payloads that were too large to be examined."""

    count = 0


def text_term(text: str) -> tuple[Predicate, Finder]:
    """Messages that hold `text` in subject, payload or headers; in any case of letters unless it has capitals."""
    if text != text.lower():
        needle = text.encode("utf-8", "surrogatepass")

        def exact(record: Record) -> bool:
            subject, _, payload, block = record
            return needle in payload or needle in subject or needle in block

        return exact, partial(_find_text, text, False)
    if text.isascii():
        small = text.encode()

        def folded(record: Record) -> bool:
            subject, _, payload, block = record
            return small in payload.lower() or small in subject.lower() or (block != b"" and small in block.lower())

        return folded, partial(_find_text, text, True)

    def decoded(record: Record) -> bool:
        subject, _, payload, block = record
        return any(text in part.decode("utf-8", "replace").lower() for part in (payload, subject, block))

    return decoded, partial(_find_text, text, True)


def _find_text(text: str, fold: bool, shown: str) -> Iterator[Span]:
    # Folding case may change a text's length, and then nothing would be where it was found.
    folded = shown.lower() if fold else shown
    if not text or len(folded) != len(shown):
        return
    at = folded.find(text)
    while at >= 0:
        yield at, at + len(text)
        at = folded.find(text, at + len(text))


class Pattern:
    """A regular expression that can neither hang nor eat the memory.

    Raises:
        BadPattern: it is no regular expression, or too large a one.
    """

    def __init__(self, source: str, flags: str = "") -> None:
        if len(source) > PATTERN_LENGTH:
            raise BadPattern(f"A pattern may have {PATTERN_LENGTH} characters at most, not {len(source)}")
        self._too_slow_to_show = False
        product = 1
        for match in _COUNT.finditer(source):
            product *= max(1, *(int(digits[:9]) for digits in match.groups() if digits), 1)
        if product > REPEATS:
            raise BadPattern(f"The counts in a pattern may multiply to {REPEATS:,} at most, not {product:,}")
        # Imported when first needed: most sessions have no pattern, and the start need not pay for it.
        try:
            regex = importlib.import_module("regex")
        except ImportError:
            raise BadPattern('Patterns need the package "regex", which is not installed') from None
        letters = re.sub(r"\\.", "", source, flags=re.DOTALL)
        value = regex.IGNORECASE if "i" in flags or letters == letters.lower() else 0
        value |= (regex.MULTILINE if "m" in flags else 0) | (regex.DOTALL if "s" in flags else 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._compiled = regex.compile(source, value)
        except (regex.error, RecursionError, OverflowError, MemoryError, ValueError, KeyError, IndexError) as error:
            words = getattr(error, "msg", "") or "it is nested too deeply"
            raise BadPattern(f"This is no regular expression ({words})") from None

    def found_in(self, text: str) -> bool:
        """Whether `text` holds it. Raises PatternTooSlow."""
        try:
            return self._compiled.search(text, timeout=PATTERN_SECONDS) is not None
        except TimeoutError:
            raise PatternTooSlow from None

    def find(self, shown: str) -> Iterator[Span]:
        """Where it is in a text that is shown; nowhere, from then on, once that took too long."""
        if self._too_slow_to_show:
            return
        try:
            for match in self._compiled.finditer(shown, timeout=PATTERN_SECONDS):
                if match.end() > match.start():
                    yield match.span()
        except TimeoutError:
            self._too_slow_to_show = True


def pattern_term(pattern: Pattern) -> tuple[Predicate, Finder]:
    """Messages in whose subject, payload or headers the pattern is found."""

    def matches(record: Record) -> bool:
        subject, _, payload, block = record
        return (
            pattern.found_in(decode_start(payload, PATTERN_BYTES))
            or pattern.found_in(subject.decode("utf-8", "replace"))
            or (block != b"" and pattern.found_in(decode_start(block, PATTERN_BYTES)))
        )

    return matches, pattern.find


def subject_term(wildcard: str) -> Predicate:
    """Messages whose subject a NATS wildcard covers: * is any one token, > at the end is one or more."""
    wanted = wildcard.encode("utf-8", "surrogatepass").split(b".")
    rest = wanted[-1] == b">"
    if rest:
        wanted = wanted[:-1]
    count = len(wanted)

    def matches(record: Record) -> bool:
        tokens = record[0].split(b".")
        if len(tokens) <= count if rest else len(tokens) != count:
            return False
        return all(want in (b"*", token) for want, token in zip(wanted, tokens, strict=False))

    return matches


def header_term(key: str, compare: Callable[[str], bool] | None) -> Predicate:
    """Messages with a header `key` (in any case of letters), one value of which satisfies `compare` if there is one."""
    wanted = key.casefold()
    raw = key.lower().encode("utf-8", "surrogatepass")

    def matches(record: Record) -> bool:
        block = record[3]
        if not block or (raw.isascii() and raw not in block.lower()):
            return False
        return any(
            name.casefold() == wanted and (compare is None or compare(value))
            for name, value in parse_headers(block).pairs
        )

    return matches


class JsonValues:
    """The values at paths in a payload, which is parsed once for all terms of a filter."""

    def __init__(self, too_large: TooLarge) -> None:
        self._too_large = too_large
        self._payload: bytes | None = None
        self._value: object = _MISSING

    def at(self, path: tuple[str | int | None, ...], payload: bytes) -> list[object]:
        """All values at `path`; None in it stands for every item."""
        name = next((step for step in reversed(path) if isinstance(step, str)), "")
        raw = name.encode("utf-8", "surrogatepass")
        if raw not in payload and b"\\" not in payload:
            return []
        if payload is not self._payload:
            self._payload, self._value = payload, self._parse(payload)
        found = [self._value] if self._value is not _MISSING else []
        for step in path:
            if step is None:
                found = [item for value in found if isinstance(value, list) for item in value]
            elif isinstance(step, int):
                found = [value[step] for value in found if isinstance(value, list) and -len(value) <= step < len(value)]
            else:
                found = [value[step] for value in found if isinstance(value, dict) and step in value]
        return found

    def _parse(self, payload: bytes) -> object:
        if payload[:16].lstrip()[:1] not in (b"{", b"["):
            return _MISSING
        if len(payload) > JSON_BYTES:
            self._too_large.count += 1
            return _MISSING
        try:
            parsed: object = json.loads(payload)
        except (ValueError, RecursionError):
            return _MISSING
        return parsed


def json_term(
    values: JsonValues, path: tuple[str | int | None, ...], compare: Callable[[object], bool] | None
) -> Predicate:
    """Messages whose JSON has a value at `path` that satisfies `compare` if there is one."""

    def matches(record: Record) -> bool:
        found = values.at(path, record[2])
        return bool(found) if compare is None else any(map(compare, found))

    return matches


def comparison(sign: str, words: str, quoted: bool) -> Callable[[object], bool]:
    """Compares JSON values with what was written: numbers with numbers, text with text, true, false and null as such.

    Unquoted words also equal a JSON string of the same letters: `.id = 7` finds 7 and "7".
    """
    compare = OPERATORS[sign]
    literal = _MISSING if quoted else {"true": True, "false": False, "null": None}.get(words, _MISSING)
    number = None if quoted else _number(words)

    def holds(value: object) -> bool:
        if literal is not _MISSING and sign in ("=", "==", "!="):
            return (value is literal or value == words) is (sign != "!=")
        if isinstance(value, str):
            if number is not None and sign not in ("=", "==", "!="):
                return False
            return compare(value, words)
        if isinstance(value, int | float) and not isinstance(value, bool) and number is not None:
            return compare(value, number)
        return sign == "!="

    return holds


def containing(words: str | Pattern) -> Callable[[object], bool]:
    """Whether a value, as text, holds some words (in any case of letters unless they have capitals) or a pattern."""
    if isinstance(words, Pattern):
        pattern = words
        return lambda value: isinstance(value, str | int | float) and pattern.found_in(_plain(value)[:PATTERN_BYTES])
    fold = words == words.lower()

    def holds(value: object) -> bool:
        if not isinstance(value, str | int | float):
            return False
        text = _plain(value)
        return words in (text.lower() if fold else text)

    return holds


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(words: str) -> int | float | None:
    try:
        return int(words) if re.fullmatch(r"[+-]?\d{1,400}", words) else float(words)
    except ValueError:
        return None
