"""Drafts as they may be written down: what looks like a secret in them, or is one in use, is left out and marked.

A secret is told by where it stands (a header or a JSON member whose name says so), by how it looks (an nkey seed, a
JWT, a PEM key, credentials in a URL), or by being one of the secrets of a connection of this very run. Anything else
that a user types is not known to be one: the setting ``save_drafts = false`` keeps drafts out of files altogether.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from natstui.drafts import MARK

if TYPE_CHECKING:
    from natstui.connection.options import ConnectOptions

SECRETS = ("password", "token", "nkey_seed", "jwt", "credentials")
"""Options that are never written down; that there was one is."""
LEAST = 4
"""Characters of a secret in use that is looked for; shorter ones are part of too many words."""

# Bounded: a payload may be megabytes without a space.
_NAME = (
    r"(?:[\w.$-]{0,60}(?:authori[sz]ation|passw(?:or)?d|passphrase|passcode|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|credential|cookie|signature|nkey|seed|jwt|bearer)[\w.$-]{0,60}|(?:[\w.$-]{0,60}[_.$-])?(?:pass|pw|creds))"
)
_HEADER = re.compile(rf"^([ \t]*{_NAME}[ \t]*:[ \t]*)(?=\S)(.*)$", re.IGNORECASE | re.MULTILINE)
_MEMBER = re.compile(rf'("{_NAME}"\s*:\s*)("(?:[^"\\]|\\.)+"?|-?\d[\w.+-]*|[\[{{])', re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?<![\w\"'])({_NAME}[ \t]*=[ \t]*)([^\s&;,]+)", re.IGNORECASE)
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL),
    re.compile(r"\bS[ANOCUX][A-Z2-7]{56}\b"),
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),
    re.compile(r"(?<=://)[^\s/\"']+(?=@)"),
    re.compile(r"(?<=\bBearer )\S+|(?<=\bBasic )[\w+/=]{8,}"),
)


def secrets_of(options: ConnectOptions) -> set[str]:
    """Every secret that a connection is given, those in its servers' URLs too."""
    held = [getattr(options, name) for name in SECRETS]
    held += [part for _, userinfo in options.pool if userinfo for part in (userinfo.password, userinfo.token)]
    found = {secret.get_secret_value() for secret in held if secret is not None}
    return {line.strip() for secret in found for line in (secret, *secret.splitlines())}


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return a payload, a subject or another piece of a draft with `MARK` in place of every secret.

    Args:
        known: secrets in use, which are left out wherever they stand.
    """
    text = _without_members(text)
    text = _ASSIGNED.sub(lambda found: found[1] + MARK, text)
    for pattern in _LOOKS:
        text = pattern.sub(MARK, text)
    forms = {form for secret in known if len(secret) >= LEAST for form in _forms(secret)}
    if not forms:
        return text
    longest_first = sorted(forms, key=len, reverse=True)
    # A mark stays one, also where "secret" is a secret.
    return re.sub("|".join(map(re.escape, (MARK, *longest_first))), MARK, text)


def _forms(secret: str) -> Iterator[str]:
    """As it may stand in text: plain, in JSON, in a URL, in base64."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="", errors="replace")
    yield b64encode(secret.encode("utf-8", "replace")).decode()


def _without_members(text: str) -> str:
    """Without the values of JSON members whose names say that they are secrets, lists and objects too."""
    pieces, at = [], 0
    while found := _MEMBER.search(text, at):
        end = found.end()
        if found[2] in "[{":
            try:
                end = json.JSONDecoder().raw_decode(text, found.start(2))[1]
            except (ValueError, RecursionError):
                end = len(text)
        pieces += [text[at : found.start()], f'{found[1]}"{MARK}"']
        at = end
    return "".join(pieces) + text[at:]


def headers_without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """The same for headers, one ``Name: value`` a line."""
    return without_secrets(_HEADER.sub(lambda found: found[1] + MARK, text), known)
