"""Drafts as they may be written down: what looks like a secret in them, or is one in use, is left out and marked.

A secret is told by where it stands (a header or a JSON member whose name says so), by how it looks (an nkey seed, a
JWT, a PEM key, credentials in a URL), or by being one of the secrets of a connection of this very run. Anything else
that a user types is not known to be one: the setting ``save_drafts = false`` keeps drafts out of files altogether.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from natstui.drafts import MARK

LEAST = 4
"""Characters of a secret in use that is looked for; shorter ones are part of too many words."""

_NAME = (
    r"[\w.$-]*(?:authori[sz]ation|passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|credential|cookie|signature|nkey|seed|jwt|bearer)[\w.$-]*"
)
_HEADER = re.compile(rf"^([ \t]*{_NAME}[ \t]*:[ \t]*)(?=\S)(.*)$", re.IGNORECASE | re.MULTILINE)
_MEMBER = re.compile(rf'("{_NAME}"\s*:\s*)("(?:[^"\\]|\\.)+"?|-?\d[\w.+-]*)', re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?<![\w\"'])({_NAME}[ \t]*=[ \t]*)([^\s&;,]+)", re.IGNORECASE)
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL),
    re.compile(r"\bS[ANOCUX][A-Z2-7]{56}\b"),
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),
    re.compile(r"(?<=://)[^\s/@\"']+(?=@)"),
    re.compile(r"(?<=\bBearer )\S+|(?<=\bBasic )[\w+/=]{8,}"),
)


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return a payload, a subject or another piece of a draft with `MARK` in place of every secret.

    Args:
        known: secrets in use, which are left out wherever they stand.
    """
    text = _MEMBER.sub(lambda found: f'{found[1]}"{MARK}"', text)
    text = _ASSIGNED.sub(lambda found: found[1] + MARK, text)
    for pattern in _LOOKS:
        text = pattern.sub(MARK, text)
    for secret in sorted({secret for secret in known if len(secret) >= LEAST}, key=len, reverse=True):
        text = text.replace(secret, MARK)
    return text


def headers_without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """The same for headers, one ``Name: value`` a line."""
    return without_secrets(_HEADER.sub(lambda found: found[1] + MARK, text), known)
