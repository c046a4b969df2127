"""What each key of a nats context means: the option of natstui it becomes, or why it is not honoured."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from natstui.connection.address import parse_server
from natstui.connection.errors import OptionError

DEFAULT_SERVER = "nats://127.0.0.1:4222"

_KEYS = frozenset(
    {
        "name",
        "description",
        "url",
        "socks_proxy",
        "token",
        "user",
        "password",
        "creds",
        "nkey",
        "cert",
        "key",
        "ca",
        "nsc",
        "jetstream_domain",
        "jetstream_api_prefix",
        "jetstream_event_prefix",
        "inbox_prefix",
        "user_jwt",
        "user_seed",
        "color_scheme",
        "tls_first",
        "windows_cert_store",
        "windows_cert_match_by",
        "windows_cert_match",
        "windows_ca_certs_match",
    }
)
_NOT_HONOURED = {
    "socks_proxy": "natstui connects directly",
    "nsc": "natstui does not run nsc; save the user's credentials with 'nsc generate creds' and set creds",
    "jetstream_event_prefix": "natstui reads no JetStream events",
    "windows_cert_store": "natstui reads certificates from files; set cert, key and ca",
    "windows_cert_match_by": "natstui reads certificates from files; set cert, key and ca",
    "windows_cert_match": "natstui reads certificates from files; set cert, key and ca",
    "windows_ca_certs_match": "natstui reads certificates from files; set ca",
}
_RUNS_A_PROGRAM = {"op": "1Password's op", "nsc": "nsc"}
_SCHEME = re.compile(r"(file|env|op|nsc)://|(data):", re.IGNORECASE)
_SEED = re.compile(r"\bS[A-Z2-7]{57}\b")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|(\w+))")


class ContextError(ValueError):
    """A context cannot be read; ``str()`` is one sentence that never shows a secret."""


class _NotHonoured(Exception):
    """A reference that only another program could resolve."""


class KeyReader:
    """Turns one context's keys into natstui's options.

    `variables` are the NATS_* variables that go over the context: key → (variable's name, value).
    """

    def __init__(self, name: str, content: Mapping[str, Any], variables: Mapping[str, tuple[str, str]]) -> None:
        self.name = name
        self.values: dict[str, Any] = {
            key: value for key, value in content.items() if value not in (None, "", False, [])
        }
        self.sources = dict.fromkeys(self.values, f"context {name}")
        for key, (variable, value) in variables.items():
            if key == "socks_proxy" and value in ("none", "NONE", "-"):
                self.values.pop(key, None)
                continue
            self.values[key] = value
            self.sources[key] = f"environment variable {variable}"
        self.options: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.warnings: list[str] = []

    def translate(self) -> None:
        if self.text("url"):
            self._set("servers", "url", tuple(url.strip() for url in self.text("url").split(",") if url.strip()))
        elif self.name:
            self.options["servers"], self.origins["servers"] = (DEFAULT_SERVER,), f"context {self.name}"
        self._authentication()
        self._tls()
        if self.text("inbox_prefix"):
            self._set("custom_inbox_prefix", "inbox_prefix", self.text("inbox_prefix"))
        if self.text("timeout"):
            self._set("request_timeout", "timeout", self.text("timeout"))
        for key, reason in _NOT_HONOURED.items():
            if key in self.values:
                self._warn(key, reason)
        for key in self.values.keys() - _KEYS - {"timeout"}:
            self._warn(key, "natstui does not know it")

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str):
            raise ContextError(f"{self._where(key)} should be text; correct it there")
        return value

    def _authentication(self) -> None:
        ways = [key for key in ("user", "creds", "nkey", "user_jwt") if self.text(key)]
        for key in ways[1:]:
            self._warn(key, f"{ways[0]} is set too, and the nats CLI then takes {ways[0]}")
        password_source = self.sources.get("password", "")
        if not ways and password_source.startswith("environment"):
            self._set("password", "password", SecretStr(self._literal("password")))
        try:
            match ways[:1]:
                case ["user"]:
                    password = self._literal("password")
                    self._set("user", "user", self.text("user"))
                    self._set("password", "password" if self.text("password") else "user", SecretStr(password))
                case ["creds"]:
                    self._credentials()
                case ["nkey"]:
                    seed = seed_in(self._content("nkey"), self._where("nkey"))
                    self._set("nkey_seed", "nkey", seed)
                case ["user_jwt"]:
                    self._set("jwt", "user_jwt", SecretStr(self._literal_or_file("user_jwt", _JWT)))
                    if self.text("user_seed"):
                        self._set("nkey_seed", "user_seed", SecretStr(self._literal_or_file("user_seed", _SEED)))
                    else:
                        self._set("sign_callback", "user_jwt", unsigned)
            if self.text("token"):
                self._set("token", "token", SecretStr(self._literal("token")))
            self._strip_urls(ways[:1])
        except _NotHonoured as error:
            key, program = error.args
            self._warn(key, f"natstui does not run {program}; give the credentials as a file, or by env://NAME")

    def _strip_urls(self, ways: list[str]) -> None:
        """The server takes one proof of identity: beside creds, nkey or a JWT, what stands in the URLs is left out."""
        servers = self.options.get("servers", ())
        plain = without_userinfo(servers)
        if ways and ways != ["user"] and plain != servers:
            self.options["servers"] = plain
            self.warnings.append(f"The user in {self._where('url')} is not used: {ways[0]} is set too.")

    def _credentials(self) -> None:
        scheme, rest = _split(self.text("creds"))
        if scheme in ("", "file"):
            self._set("credentials_file", "creds", _expand(rest))
        else:
            self._set("credentials", "creds", SecretStr(self._content("creds")))

    def _tls(self) -> None:
        certificate, key = self._path("cert"), self._path("key")
        if certificate and key:
            self._set("client_certificate", "cert", certificate)
            self._set("client_key", "key", key)
        elif certificate or key:
            there, missing = ("cert", "key") if certificate else ("key", "cert")
            self._warn(there, f"{missing} is missing, and neither is used without the other")
        if self.text("ca"):
            self._set("root_certificates", "ca", self._path("ca"))
        first = self.values.get("tls_first", False)
        if not isinstance(first, bool):
            raise ContextError(f"{self._where('tls_first')} should be true or false; correct it there")
        if first:
            self._set("tls_first", "tls_first", True)

    def _path(self, key: str) -> str:
        if not self.text(key):
            return ""
        scheme, rest = _split(self.text(key))
        if scheme not in ("", "file"):
            raise ContextError(f"{self._where(key)} refers to {scheme}:, but must be a file; give its path")
        return _expand(rest)

    def _literal(self, key: str) -> str:
        """The value itself, unless it is a reference."""
        scheme, _ = _split(self.text(key))
        return self._content(key).rstrip("\r\n") if scheme else self.text(key)

    def _literal_or_file(self, key: str, shape: re.Pattern[str]) -> str:
        """The value itself, or what is in the file that it names; one that is neither stays what it is."""
        text = self._literal(key)
        if shape.search(text) or not _names_a_file(text):
            return text
        text = read_text(Path(_expand(text))).strip()
        found = shape.search(text)
        return found[0] if found else text

    def _content(self, key: str) -> str:
        """What a reference leads to; a bare value is a path."""
        scheme, rest = _split(self.text(key))
        if scheme in ("", "file"):
            return read_text(Path(_expand(rest)))
        if scheme == "env":
            value = os.environ.get(rest, "")
            if not value:
                raise ContextError(
                    f"{self._where(key)} names the environment variable {rest!r}, which is not set; set it"
                )
            return value
        if scheme == "data":
            head, comma, payload = rest.partition(",")
            if not comma or "base64" not in [part.strip() for part in head.split(";")]:
                raise ContextError(f"{self._where(key)} is no data:;base64, reference; correct it there")
            try:
                return base64.b64decode(payload, validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                raise ContextError(
                    f"{self._where(key)} holds base64 that cannot be decoded; correct it there"
                ) from None
        raise _NotHonoured(key, _RUNS_A_PROGRAM[scheme])

    def _set(self, option: str, key: str, value: Any) -> None:
        self.options[option] = value
        self.origins[option] = self.sources[key]

    def _where(self, key: str) -> str:
        source = self.sources.get(key, f"context {self.name}")
        return (
            f"{key} in the nats {source}"
            if source.startswith("context")
            else source.removeprefix("environment variable ")
        )

    def _warn(self, key: str, reason: str) -> None:
        self.warnings.append(f"{self._where(key)} is not used: {reason}.")


def _names_a_file(text: str) -> bool:
    """Whether a text can only be a path: no JWT and no seed holds a slash, and neither begins with ~ or $."""
    return "/" in text or text[:1] in ("~", "$") or Path(text).suffix in (".jwt", ".nk", ".seed")


def without_userinfo(servers: Sequence[str]) -> tuple[str, ...]:
    """Return server URLs without the credentials in them; URLs without any, and malformed ones, as they are."""
    plain = []
    for url in servers:
        try:
            address, userinfo = parse_server(url)
        except OptionError:
            userinfo = None
        plain.append(address.url if userinfo else url)
    return tuple(plain)


def _split(reference: str) -> tuple[str, str]:
    """The scheme of a reference, lower-case ("" for none), and what follows it."""
    found = _SCHEME.match(reference)
    if not found:
        return "", reference
    return (found[1] or found[2]).lower(), reference[found.end() :]


def _expand(path: str) -> str:
    """As the CLI: $VAR and ${VAR} (nothing where unset), then ~ at the beginning."""
    path = _VARIABLE.sub(lambda found: os.environ.get(found[1] or found[2], ""), path)
    return f"{Path.home()}{path[1:]}" if path == "~" or path.startswith(("~/", "~\\")) else path


def seed_in(text: str, where: str) -> SecretStr:
    """Return the first nkey seed in a text; `ContextError` where it holds none."""
    found = _SEED.search(text)
    if not found:
        raise ContextError(f"{where} holds no nkey seed (S…); give the file that 'nsc' or 'nk' wrote")
    return SecretStr(found[0])


def read_seed(path: Path) -> SecretStr:
    """Return the nkey seed in a file, bare or armoured.

    Raises:
        ContextError: the file cannot be read, or holds no seed.
    """
    return seed_in(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Return a file's text; `ContextError` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ContextError(f"{path} is not UTF-8 text; give another file") from None
    except OSError as error:
        raise ContextError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from None


def unsigned(_nonce: bytes) -> bytes:
    """Sign nothing: the `sign_callback` for a bearer JWT, whose holder needs no seed."""
    return b""
