"""The filter's language: what a person types to see only some messages.

    error                          text in subject, payload or headers; capitals make it exact
    "two words"                    the same, with spaces
    /time ?out|refused/            a regular expression; flags i, m, s after it
    orders.*.created               a subject, with NATS wildcards; subject:orders.new without
    header:Nats-Msg-Id=81          a header, its name in any case; also != and ~ (holds), or header:Name alone
    .order.total > 100             a value in the JSON: = != < <= > >= ~, or .order.total alone
    .items[*].sku = "A-4"          any item; [0] the first, [-1] the last

Terms beside one another must all hold; `or`, `not` and parentheses combine them, `and` may be written too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import cast

from natstui.stream.ring import Entry, Record
from natstui.stream.terms import (
    OPERATORS,
    BadPattern,
    Finder,
    JsonValues,
    Pattern,
    Predicate,
    Span,
    TooLarge,
    comparison,
    containing,
    header_term,
    json_term,
    pattern_term,
    subject_term,
    text_term,
)

LONGEST = 2_000
"""Characters in an expression at most."""

DEEPEST = 40
"""Parentheses and `not`s within one another at most."""

GLANCE_BYTES = 256 * 1024
"""Payloads of more than this altogether are not looked at as one."""

_payload: Callable[[Record], bytes] = itemgetter(2)
_WORD = re.compile(r"[^\s()]+")
_SIGN = re.compile(r"!=|==|<=|>=|=|<|>|~")
_NAME = re.compile(r"[^\s()=!~<>]+")
_KEY = re.compile(r"[^\s()\[\].=!~<>\"']+")
_ITEM = re.compile(r"\[(\*|-?\d{1,9})?\]")
_SIGNS = {*OPERATORS, "~"}


class FilterError(ValueError):
    """An expression that cannot be understood: one sentence that points at the place.

    Attributes:
        position: where in the expression, counted in characters from 0.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        before = ("…" if position > 24 else "") + text[max(0, position - 24) : position]
        after = text[position : position + 16] + ("…" if position + 16 < len(text) else "")
        super().__init__(f"{problem}: {before}▶{after}")
        self.problem = problem
        self.position = position


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed, understood."""

    expression: str
    matches: Predicate
    """Whether a message is let through. Raises PatternTooSlow where a pattern takes too long over it."""
    finders: tuple[Finder, ...] = ()
    too_large: TooLarge = field(default_factory=TooLarge)
    """How many payloads were too large to be looked at."""
    needle: str = ""
    """A text that every message let through holds, as `text_term` looks for it; empty where none is known."""

    def rules_out(self, entries: Sequence[Entry]) -> bool:
        """Whether none of `entries` can be let through, told at a glance. False also where it cannot be told so."""
        if not self.needle:
            return False
        records = cast("Sequence[Record]", entries)
        try:
            if sum(map(len, map(_payload, records))) > GLANCE_BYTES:
                return False
            whole = b"\n".join(chain.from_iterable(records))
        except TypeError:
            # There is a gap marker among them.
            return False
        folded = whole.lower() if self.needle == self.needle.lower() else whole
        return self.needle.encode("utf-8", "surrogatepass") not in folded

    def spans(self, shown: str) -> list[Span]:
        """Where a text that is shown holds what was looked for: in order, not overlapping."""
        spans: list[Span] = []
        for start, end in sorted(span for finder in self.finders for span in finder(shown)):
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans


def parse_filter(expression: str) -> Filter | None:
    """The filter that `expression` describes; None where it is blank.

    Raises:
        FilterError: it cannot be understood; the sentence points at the place.
    """
    if not expression.strip():
        return None
    if len(expression) > LONGEST:
        raise FilterError(
            f"A filter may have {LONGEST:,} characters at most, not {len(expression):,}", expression, LONGEST
        )
    return _Parser(expression).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._negated = False
        self._finders: list[Finder] = []
        self._too_large = TooLarge()
        self._needles: list[str] = []
        self._is_conjunction = True
        self._values = JsonValues(self._too_large)

    def parse(self) -> Filter:
        matches = self._any()
        if self._peek():
            raise self._error("There is no opening parenthesis for this one")
        needle = max(self._needles, key=len, default="") if self._is_conjunction else ""
        return Filter(self._text, matches, tuple(self._finders), self._too_large, needle)

    def _error(self, problem: str, position: int | None = None) -> FilterError:
        return FilterError(problem, self._text, self._at if position is None else position)

    def _peek(self) -> str:
        """The next character that is no space, or nothing."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _word(self, *words: str) -> bool:
        """Passes over one of `words` if it is next."""
        self._peek()
        match = _WORD.match(self._text, self._at)
        if match is None or match[0].lower() not in words:
            return False
        self._at = match.end()
        return True

    def _any(self) -> Predicate:
        terms = [self._all()]
        while self._word("or", "||"):
            terms.append(self._all())
            self._is_conjunction = False
        if len(terms) == 1:
            return terms[0]
        return lambda record: any(term(record) for term in terms)

    def _all(self) -> Predicate:
        terms = [self._one()]
        while True:
            wanted = self._word("and", "&&")
            at = self._at
            if not wanted and (self._peek() in ("", ")") or self._word("or", "||")):
                self._at = at
                break
            terms.append(self._one())
        if len(terms) == 1:
            return terms[0]
        return lambda record: all(term(record) for term in terms)

    def _one(self) -> Predicate:
        if self._depth > DEEPEST:
            raise self._error("This is nested too deeply")
        if self._word("not") or (self._peek() == "!" and self._skip(1)):
            self._depth += 1
            self._negated = not self._negated
            self._is_conjunction = False
            term = self._one()
            self._negated = not self._negated
            self._depth -= 1
            return lambda record: not term(record)
        character = self._peek()
        if character == "(":
            opened = self._at
            self._at += 1
            self._depth += 1
            inner = self._any()
            if self._peek() != ")":
                raise self._error("This parenthesis is not closed", opened)
            self._at += 1
            self._depth -= 1
            return inner
        if character in ("", ")"):
            raise self._error("Something to look for is missing")
        place = self._at
        if self._word("and", "or", "&&", "||"):
            raise self._error("Something to look for is missing before this; to look for the word, quote it", place)
        return self._term(character)

    def _skip(self, count: int) -> bool:
        self._at += count
        return True

    def _term(self, character: str) -> Predicate:
        start = self._at
        if character == "/":
            return self._noted(pattern_term(self._pattern()))
        if character in "\"'":
            return self._words(self._quoted())
        if character == ".":
            return self._json()
        word = _WORD.match(self._text, start)
        assert word is not None
        prefix, _, rest = word[0].partition(":")
        if prefix.lower() == "header" and ":" in word[0]:
            return self._header(start + len("header:"))
        if prefix.lower() == "subject" and ":" in word[0]:
            if not rest:
                raise self._error("A subject is missing", word.end())
            self._at = word.end()
            return self._subject(rest, start + len("subject:"))
        if word[0] in _SIGNS:
            raise self._error(f'"{word[0]}" compares a value in the JSON, as in .order.total > 100')
        self._at = word.end()
        tokens = word[0].split(".")
        if "*" in tokens or (tokens[-1] == ">" and len(tokens) > 1):
            return self._subject(word[0], start)
        return self._words(word[0])

    def _words(self, words: str) -> Predicate:
        if words.isascii() or words != words.lower():
            self._needles.append(words)
        return self._noted(text_term(words))

    def _noted(self, term: tuple[Predicate, Finder]) -> Predicate:
        if not self._negated:
            self._finders.append(term[1])
        return term[0]

    def _subject(self, wildcard: str, position: int) -> Predicate:
        tokens = wildcard.split(".")
        if ">" in tokens[:-1] or "" in tokens:
            wrong = ">" if ">" in tokens[:-1] else ""
            problem = '">" may only end a subject' if wrong else "A subject has no empty tokens"
            place = position + sum(len(token) + 1 for token in tokens[: tokens.index(wrong)])
            raise self._error(problem, place)
        return subject_term(wildcard)

    def _quoted(self) -> str:
        quote, start = self._text[self._at], self._at
        letters: list[str] = []
        at = start + 1
        while at < len(self._text) and self._text[at] != quote:
            if self._text[at] == "\\" and at + 1 < len(self._text):
                at += 1
            letters.append(self._text[at])
            at += 1
        if at >= len(self._text):
            raise self._error("This quotation is not closed", start)
        self._at = at + 1
        if not letters:
            raise self._error("There is nothing between these quotation marks", start)
        return "".join(letters)

    def _pattern(self) -> Pattern:
        start = self._at
        match = re.compile(r"/((?:[^/\\]|\\.)*)/([^\s()]*)", re.DOTALL).match(self._text, start)
        if match is None:
            raise self._error("This pattern is not closed with a slash; put a path in quotation marks", start)
        for place, letter in enumerate(match[2], match.start(2)):
            if letter not in "ims":
                raise self._error("After a pattern only i, m or s may stand; put a path in quotation marks", place)
        if not match[1]:
            raise self._error("There is nothing between these slashes", start)
        self._at = match.end()
        try:
            return Pattern(match[1].replace("\\/", "/"), match[2])
        except BadPattern as error:
            raise self._error(str(error), start) from None

    def _sign(self) -> str:
        self._peek()
        match = _SIGN.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _value(self, sign: str) -> tuple[str, bool] | Pattern:
        """What stands after a sign: words, and whether they were quoted; or a pattern, which only ~ takes."""
        character = self._peek()
        if character in ("", "(", ")"):
            raise self._error(f'A value is missing after "{sign}"')
        if character == "/" and sign == "~":
            return self._pattern()
        if character in "\"'":
            return self._quoted(), True
        match = _WORD.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return match[0], False

    def _header(self, position: int) -> Predicate:
        match = _NAME.match(self._text, position)
        if match is None:
            raise self._error("The name of a header is missing, as in header:Nats-Msg-Id=81", position)
        self._at = match.end()
        if _SIGN.match(self._text, self._at) is None:
            return header_term(match[0], None)
        place = self._at
        sign = self._sign()
        if sign not in ("=", "==", "!=", "~"):
            raise self._error("Headers are compared with =, != or ~ only", place)
        value = self._value(sign)
        compare: Callable[[str], bool]
        if isinstance(value, Pattern):
            compare = containing(value)
        elif sign == "~":
            compare = containing(value[0])
        else:
            words, equal = value[0], sign != "!="
            compare = lambda found: (found == words) is equal  # noqa: E731
        return header_term(match[0], compare)

    def _json(self) -> Predicate:
        path = self._path()
        sign = self._sign()
        if not sign:
            return json_term(self._values, path, None)
        value = self._value(sign)
        if isinstance(value, Pattern):
            return json_term(self._values, path, containing(value))
        words, quoted = value
        return json_term(self._values, path, containing(words) if sign == "~" else comparison(sign, words, quoted))

    def _path(self) -> tuple[str | int | None, ...]:
        path: list[str | int | None] = []
        while True:
            item = _ITEM.match(self._text, self._at)
            if item:
                path.append(int(item[1]) if item[1] and item[1] != "*" else None)
                self._at = item.end()
                continue
            if self._text[self._at : self._at + 1] == "[":
                raise self._error("An item is written [0], [-1] or [*]")
            if self._text[self._at : self._at + 1] != ".":
                return tuple(path)
            self._at += 1
            if self._text[self._at : self._at + 1] in ("'", '"'):
                path.append(self._quoted())
            elif key := _KEY.match(self._text, self._at):
                path.append(key[0])
                self._at = key.end()
            elif self._text[self._at : self._at + 1] != "[":
                raise self._error("A name is missing after the dot, as in .order.total")
