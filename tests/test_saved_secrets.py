"""What is left out of drafts that are written down, and what is not."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from natstui.connection.options import ConnectOptions
from natstui.drafts import MARK, unsaved_secret
from natstui.saved_secrets import headers_without_secrets, secrets_of, without_secrets

SEED = "SU" + "A" * 56
JWT = "eyJhbGciOiJlZDI1NTE5In0.eyJqdGkiOiJYIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer abc.def",
        "X-Api-Key: 5f2a",
        "x-auth-token : 5f2a",
        "Cookie: session=5f2a",
        "My-Password: 5f2a",
        "Proxy-Authorisation: Basic 5f2a",
        f"Anything: {SEED}",
        f"Anything: {JWT}",
        "Anything: nats://ann:5f2a@host:4222",
        "Anything: Bearer 5f2a",
    ],
)
def test_a_header_with_a_secret_keeps_its_name_only(line: str) -> None:
    saved = headers_without_secrets(f"Nats-Msg-Id: 77\n{line}\nX-Kind: order")
    assert saved.splitlines()[0] == "Nats-Msg-Id: 77" and saved.splitlines()[2] == "X-Kind: order"
    kept = saved.splitlines()[1]
    assert kept.startswith(line.partition(":")[0]) and MARK in kept
    assert not any(secret in saved for secret in ("5f2a", "abc.def", SEED, JWT))
    assert headers_without_secrets(saved) == saved


@pytest.mark.parametrize(
    "payload",
    [
        {"password": "5f2a9"},
        {"user": {"api_key": "5f2a9", "name": "ann"}},
        {"refreshToken": '5f2a9"quoted'},
        {"pin_secret": 590219},
        {"note": f"use {JWT} for it"},
        {"url": "https://ann:5f2a9@example.com/"},
    ],
)
def test_a_json_payload_stays_json_without_its_secrets(payload: dict[str, object]) -> None:
    for text in (json.dumps(payload), json.dumps(payload, indent=2)):
        saved = without_secrets(text)
        assert MARK in json.dumps(json.loads(saved))
        assert not any(secret in saved for secret in ("5f2a9", "590219", JWT))


@pytest.mark.parametrize(
    "text",
    ["", "ping", '{"id": 77, "total": 9.5, "tags": ["a", "b"]}', "a=1&b=2", '{"id": 1', "größe: 5", "secretary"],
)
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text and headers_without_secrets(text) == text


def test_a_pem_key_and_a_secret_in_use_are_left_out_wherever_they_stand() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY-----"
    assert without_secrets(f"before {key} after") == f"before {MARK} after"
    assert without_secrets("say hunter2 and hunter22", ["hunter2", "hunter22"]) == f"say {MARK} and {MARK}"
    # A very short one would be part of every other word.
    assert without_secrets("abc", ["b"]) == "abc"


def test_a_draft_with_a_gap_is_told_before_it_is_sent() -> None:
    assert MARK in unsaved_secret("", f"Authorization: {MARK}")
    assert unsaved_secret("", "X: y", "{}") == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"auth": {"pass": "5f2a9"}}',
        '{"passphrases": ["5f2a9", "x"], "id": 1}',
        '{"token": {"value": "5f2a9"}, "id": 1}',
        '{"token": {"value": "5f2a9"',
        "nats://ann:ab@5f2a9@n1:4222",
    ],
)
def test_a_secret_inside_of_a_value_is_left_out_with_it(text: str) -> None:
    assert "5f2a9" not in without_secrets(text)
    assert without_secrets(without_secrets(text)) == without_secrets(text)


def test_a_secret_in_use_is_found_however_it_is_written() -> None:
    secret = 'p/ss"wörd'
    for text in (json.dumps({"x": secret}), json.dumps({"x": secret}, ensure_ascii=False), f"u={quote(secret, '')}"):
        assert MARK in without_secrets(text, [secret])
    assert without_secrets(b64encode(b"hunter2").decode(), ["hunter2"]) == MARK


def test_a_mark_stays_one_whatever_the_secrets_are() -> None:
    saved = without_secrets('{"password": "secret", "x": "a secret"}', ["secret", "saved", "not-saved"])
    assert saved == f'{{"password": "{MARK}", "x": "a {MARK}"}}'
    assert without_secrets(saved, ["secret", "saved"]) == saved


def test_secrets_of_a_connection_are_those_of_all_its_servers() -> None:
    options = ConnectOptions(servers=["nats://a:first@n1", "nats://b:second@n2", "nats://third@n3"])
    assert secrets_of(options) == {"first", "second", "third"}
