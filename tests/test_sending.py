"""What has to be confirmed by typing before it is sent, and what has to be typed."""

from __future__ import annotations

from typing import Any

import pytest

from natstui.context_labels import ContextLabel
from natstui.panels.send_guard import header_size
from natstui.sending import Question, Sending, question

PRODUCTION = ContextLabel("prod-east", is_production=True)


def ask(*, is_known: bool = False, **given: Any) -> Question | None:
    said: dict[str, Any] = {
        "verb": "publish",
        "subject": "orders.new",
        "headers": {},
        "size": 10,
        "context": ContextLabel("dev"),
        "server": "nats://n1:4222",
    }
    return question(Sending(**(said | given)), 65_536, 1_000, is_known=is_known)


def phrase(**given: Any) -> str:
    asked = ask(**given)
    return "" if asked is None else asked.phrase


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({}, ""),
        ({"size": 65_536, "total": 1_000}, ""),
        ({"size": 65_537}, "65,537"),
        ({"total": 1_001}, "1,001"),
        ({"total": 0}, "until stopped"),
        ({"context": PRODUCTION}, "prod-east"),
        ({"context": PRODUCTION, "is_known": True}, ""),
        ({"context": PRODUCTION, "is_known": True, "total": 2}, "prod-east"),
        ({"context": PRODUCTION, "is_known": True, "size": 70_000}, "70,000"),
        ({"context": PRODUCTION, "total": 0}, "prod-east"),
        ({"context": ContextLabel("", is_production=True)}, "production"),
    ],
)
def test_what_has_to_be_typed(given: dict[str, Any], typed: str) -> None:
    assert phrase(**given) == typed


@pytest.mark.parametrize(
    ("subject", "typed"),
    [
        ("$JS.API.STREAM.DELETE.ORDERS", "ORDERS"),
        ("$JS.API.STREAM.PURGE.ORDERS", "ORDERS"),
        ("$JS.hub.API.STREAM.PURGE.ORDERS", "ORDERS"),
        ("from.hub.STREAM.MSG.DELETE.ORDERS", "ORDERS"),
        ("$JS.API.CONSUMER.DELETE.ORDERS.workers", "workers"),
        ("$JS.API.ACCOUNT.PURGE.ACME", "ACME"),
        ("$JS.API.SERVER.REMOVE", "REMOVE"),
        ("$SYS.REQ.SERVER.NABC.KICK", "KICK"),
        ("$JS.API.STREAM.UPDATE.ORDERS", "ORDERS"),
        ("$JS.hub.API.STREAM.PEER.REMOVE.ORDERS", "ORDERS"),
        ("$SYS.REQ.CLAIMS.DELETE", "CLAIMS.DELETE"),
        ("$SYS.REQ.ACCOUNT.ACME.CLAIMS.UPDATE", "CLAIMS.UPDATE"),
        ("$JS.API.STREAM.INFO.DELETE", ""),
        ("$JS.API.STREAM.INFO.ORDERS", ""),
        ("$JS.API.CONSUMER.CREATE.ORDERS.DELETE", ""),
        ("orders.delete.77", ""),
    ],
)
def test_what_destroys_is_always_asked_about(subject: str, typed: str) -> None:
    assert phrase(subject=subject) == typed
    assert phrase(subject=subject, context=PRODUCTION, is_known=True) == typed


@pytest.mark.parametrize(
    ("headers", "is_asked"),
    [
        ({"KV-Operation": "DEL"}, True),
        ({"kv-operation": ["PUT", "purge"]}, True),
        ({"KV-Operation": "PUT"}, False),
        ({"Nats-Rollup": "all"}, True),
        ({"Nats-Msg-Id": "7"}, False),
    ],
)
def test_headers_that_remove_messages_are_asked_about(headers: dict[str, Any], is_asked: bool) -> None:
    assert phrase(subject="$KV.cache.a", headers=headers) == ("$KV.cache.a" if is_asked else "")


def test_all_reasons_and_all_that_will_be_sent_are_told() -> None:
    asked = ask(context=PRODUCTION, total=5_000, size=70_000, interval=0.25, subject="$JS.API.STREAM.PURGE.S")
    assert asked is not None and asked.title == "publish on PRODUCTION prod-east"
    assert asked.reasons == (
        "This removes messages from the stream S.",
        "prod-east is production.",
        "5,000 messages are more than 1,000 (confirm_count).",
        "70,000 bytes are more than 65,536 (confirm_payload).",
    )
    assert asked.rows == (
        ("subject", "$JS.API.STREAM.PURGE.S"),
        ("size", "70,000 bytes"),
        ("how often", "5,000 messages, one every 250ms"),
        ("altogether", "334 MiB"),
        ("to", "nats://n1:4222 (prod-east)"),
    )


def test_only_the_phrase_answers() -> None:
    asked = ask(context=PRODUCTION)
    assert asked is not None and "not asked about again" in asked.reasons[0]
    assert asked.is_answered_by(" prod-east ")
    assert not any(asked.is_answered_by(typed) for typed in ("", " ", "y", "prod", "PROD-EAST", "prod-east-2"))
    many = ask(total=5_000)
    assert many is not None
    assert all(many.is_answered_by(typed) for typed in ("5,000", "5000", "5_000", " 5 000"))
    assert not any(many.is_answered_by(typed) for typed in ("", "500", "50000", "5.000", ","))


def test_untrusted_names_are_shown_and_typed_as_they_are_seen() -> None:
    asked = ask(context=ContextLabel("prod\x1b[31m-x", is_production=True), subject="a.\u202eb")
    assert asked is not None
    seen = asked.reasons[0].partition(" is production")[0]
    assert "\x1b" not in "".join(asked.reasons) and "\u202e" not in str(asked.rows)
    assert asked.is_answered_by(seen)


@pytest.mark.parametrize("name", ["\u00a0", " "])
def test_enter_alone_answers_nothing_however_a_thing_is_called(name: str) -> None:
    for asked in (ask(subject=f"$JS.API.STREAM.DELETE.{name}"), ask(context=ContextLabel(name, is_production=True))):
        assert asked is not None and not any(asked.is_answered_by(typed) for typed in ("", " ", "\u00a0", name))
        assert asked.is_answered_by(asked.phrase) and asked.phrase == "publish"


def test_headers_count_as_they_go_onto_the_wire() -> None:
    assert header_size({"A": "b", "C": ["d", "é"]}) == len("NATS/1.0\r\nA: b\r\nC: d\r\nC: é\r\n\r\n".encode())
    assert header_size({}) == header_size({"no name": "b"}) == 0
