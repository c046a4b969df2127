"""Operator, account and user nkeys and JWTs, made for one test run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import nkeys

NO_LIMIT = -1


@dataclass(frozen=True)
class Nkey:
    """A key pair: `public` (U…, A…, O…) and `seed` (S…)."""

    public: str
    seed: str = field(repr=False)

    @classmethod
    def user(cls) -> Self:
        return cls._create(nkeys.PREFIX_BYTE_USER)

    @classmethod
    def account(cls) -> Self:
        return cls._create(nkeys.PREFIX_BYTE_ACCOUNT)

    @classmethod
    def operator(cls) -> Self:
        return cls._create(nkeys.PREFIX_BYTE_OPERATOR)

    def sign(self, data: bytes) -> bytes:
        """The raw signature, 64 bytes."""
        signature: bytes = nkeys.from_seed(self.seed.encode()).sign(data)
        return signature

    def sign_nonce(self, nonce: str | bytes) -> bytes:
        """The signature as nats-py's `signature_cb` returns it: base64."""
        return base64.b64encode(self.sign(nonce.encode() if isinstance(nonce, str) else nonce))

    @classmethod
    def _create(cls, prefix: int) -> Self:
        seed = nkeys.encode_seed(os.urandom(32), prefix)
        return cls(public=nkeys.from_seed(seed).public_key.decode(), seed=seed.decode())


def sign_jwt(issuer: Nkey, subject: str, name: str, claims: Mapping[str, Any], expires_in: float | None = None) -> str:
    """A NATS JWT (version 2). `expires_in` is in seconds and may be negative; the server counts whole seconds."""
    now = int(time.time())
    body: dict[str, Any] = {
        "iat": now,
        "iss": issuer.public,
        "name": name,
        "sub": subject,
        "nats": dict(claims),
    }
    body["nats"]["version"] = 2
    if expires_in is not None:
        body["exp"] = int(time.time() + expires_in)
    body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
    signed = f"{_encode({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_encode(body)}"
    return f"{signed}.{_base64url(issuer.sign(signed.encode()))}"


@dataclass(frozen=True)
class UserCredentials:
    """A user's JWT and key."""

    jwt: str = field(repr=False)
    key: Nkey

    @property
    def text(self) -> str:
        """What a `.creds` file contains."""
        return (
            f"-----BEGIN NATS USER JWT-----\n{self.jwt}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            "NKEY Seed printed below can be used to sign and prove identity.\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{self.key.seed}\n------END USER NKEY SEED------\n"
        )


class Operator:
    """An operator with one account for applications and a system account.

    `NatsServer(operator.server_config())` trusts it; `operator.user()` makes users. To revoke one:
    `operator.revoke(user)`, then `server.reload(operator.server_config())`.
    """

    def __init__(self, name: str = "natstui-tests", jetstream: bool = False) -> None:
        self.key = Nkey.operator()
        self.account = Nkey.account()
        self.system_account = Nkey.account()
        self._jetstream = jetstream
        self._revoked: dict[str, int] = {}
        self.jwt = sign_jwt(
            self.key,
            self.key.public,
            name,
            {"type": "operator", "system_account": self.system_account.public},
        )

    def user(
        self,
        name: str = "tester",
        expires_in: float | None = None,
        permissions: Mapping[str, Any] | None = None,
        key: Nkey | None = None,
    ) -> UserCredentials:
        """A user of the application account; `permissions` as in the JWT: {"pub": {"deny": [...]}, "sub": …}."""
        key = key or Nkey.user()
        claims: dict[str, Any] = {
            "type": "user",
            "pub": {},
            "sub": {},
            "subs": NO_LIMIT,
            "data": NO_LIMIT,
            "payload": NO_LIMIT,
        }
        claims |= permissions or {}
        return UserCredentials(sign_jwt(self.account, key.public, name, claims, expires_in), key)

    def revoke(self, user: UserCredentials) -> None:
        """Take back every JWT of this user made so far."""
        self._revoked[user.key.public] = int(time.time()) + 1

    def server_config(self) -> str:
        """Configuration text: operator mode with both accounts in memory."""
        return (
            f"operator: {self.jwt}\n"
            f"system_account: {self.system_account.public}\n"
            "resolver: MEMORY\n"
            "resolver_preload: {\n"
            f"  {self.account.public}: {self._account_jwt(self.account, 'APP')}\n"
            f"  {self.system_account.public}: {self._account_jwt(self.system_account, 'SYS')}\n"
            "}\n"
        )

    def _account_jwt(self, account: Nkey, name: str) -> str:
        application = account is self.account
        storage = NO_LIMIT if self._jetstream and application else 0
        limits = {
            "subs": NO_LIMIT,
            "data": NO_LIMIT,
            "payload": NO_LIMIT,
            "imports": NO_LIMIT,
            "exports": NO_LIMIT,
            "wildcards": True,
            "conn": NO_LIMIT,
            "leaf": NO_LIMIT,
            "mem_storage": storage,
            "disk_storage": storage,
            "streams": storage,
            "consumer": storage,
        }
        claims: dict[str, Any] = {"type": "account", "limits": limits}
        if application and self._revoked:
            claims["revocations"] = self._revoked
        return sign_jwt(self.key, account.public, name, claims)


def _encode(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
