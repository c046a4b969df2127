"""Subjects and queue groups: what may be published and subscribed to."""

from __future__ import annotations

import re

from natstui.connection.errors import SubjectError

_WHITE_SPACE = re.compile(r"\s")
_LINE_BREAK = re.compile(r"[\r\n]")

_QUOTED = 80
"""Characters of a subject that a message quotes: more would push what is wrong with it out of sight."""


def check_publish_subject(subject: str, what: str = "the subject", *, skip_tokens: bool = False) -> None:
    """Check a subject to publish to, without wildcards.

    With `skip_tokens` only emptiness and line breaks are refused: those would inject protocol commands.

    Raises:
        SubjectError: it is malformed; the message says how.
    """
    if not subject:
        raise SubjectError(f"{what} is empty", "write one such as orders.new")
    if _LINE_BREAK.search(subject):
        raise SubjectError(f"{what} holds a line break", "write it on one line")
    if skip_tokens:
        return
    tokens = _tokens(subject, what)
    if "*" in tokens or ">" in tokens:
        raise SubjectError(
            f"{what} {_cut(subject)} holds a wildcard", "wildcards are for subscriptions; name one subject"
        )


def check_queue_group(queue: str) -> None:
    """Check a queue group; empty is none.

    Raises:
        SubjectError: it holds white space.
    """
    if _WHITE_SPACE.search(queue):
        raise SubjectError(f"the queue group {_cut(queue)} holds white space", "write it as one word")


def check_subscription_subject(subject: str) -> None:
    """Check a subject to subscribe to; wildcards are allowed.

    Raises:
        SubjectError: it is malformed; the message says how.
    """
    if not subject:
        raise SubjectError("the subject is empty", "write one such as orders.>, or > for everything")
    tokens = _tokens(subject, "the subject")
    if any(">" in token for token in tokens[:-1]) or (">" in tokens[-1] and tokens[-1] != ">"):
        raise SubjectError(
            f"the subject {_cut(subject)} has > before its end or inside a token", "> stands alone, as the last token"
        )
    if any("*" in token and token != "*" for token in tokens):
        raise SubjectError(f"the subject {_cut(subject)} has * inside a token", "* stands for one whole token")


def _tokens(subject: str, what: str) -> list[str]:
    if _WHITE_SPACE.search(subject):
        raise SubjectError(f"{what} {_cut(subject)} holds white space", "separate its tokens with dots")
    tokens = subject.split(".")
    if not all(tokens):
        raise SubjectError(f"{what} {_cut(subject)} has an empty token", "no dot at either end, nor two in a row")
    return tokens


def _cut(subject: str) -> str:
    return repr(subject if len(subject) <= _QUOTED else f"{subject[: _QUOTED // 2]}…{subject[-_QUOTED // 2 + 1 :]}")
