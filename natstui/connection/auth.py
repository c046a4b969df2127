"""What goes into CONNECT to prove who one is, worked out anew for each connect."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path

from pydantic import SecretStr

from natstui.connection.address import UserInfo
from natstui.connection.callbacks import call_within
from natstui.connection.errors import AuthenticationError, ManagedConnectionError
from natstui.connection.options import Auth, ConnectOptions
from natstui.connection.own_thread import in_own_thread

_ARMOUR = re.compile(r"-{3,}BEGIN [^\n]*?(JWT|SEED)-{3,}\s*(\S+)\s*-{3,}END", re.DOTALL)


async def connect_fields(
    options: ConnectOptions, userinfo: UserInfo | None, nonce: bytes, server: str
) -> dict[str, str]:
    """Return the authentication fields of CONNECT.

    A credentials file is read at each call, so that one replaced on disk counts. What `auth_callback` returns goes
    over the rest.

    Raises:
        AuthenticationError: the credentials cannot be read, or signing or the callback failed.
    """
    fields = {}
    patience = options.connection_timeout
    try:
        fields = await _stored_fields(options, userinfo, nonce, server)
        if options.auth_callback is not None:
            fields |= _from_callback(await call_within(patience, "auth_callback", options.auth_callback, nonce))
    except ManagedConnectionError:
        raise
    except OSError as error:
        name = Path(str(error.filename)).name if error.filename else "the credentials"
        raise AuthenticationError(
            server, f"{name} cannot be read ({error.strerror or error})", "check the path and its permissions"
        ) from None
    except Exception as error:
        raise AuthenticationError(
            server,
            f"the credentials could not be prepared ({type(error).__name__})",
            "check the seed, the JWT, or the callback that provides them",
        ) from error
    return fields


async def _stored_fields(
    options: ConnectOptions, userinfo: UserInfo | None, nonce: bytes, server: str
) -> dict[str, str]:
    fields: dict[str, str] = {}
    if options.token is not None:
        fields["auth_token"] = reveal(options.token)
    if options.credentials_file is not None or options.credentials is not None:
        if options.credentials_file is not None:
            text = await _read(options.credentials_file)
        else:
            text = reveal(options.credentials or "")
        jwt, seed = split_credentials(text, server)
        fields["jwt"] = jwt
        fields["sig"] = _encode(_sign(seed, nonce))
    elif options.jwt is not None:
        fields["jwt"] = reveal(options.jwt)
        if options.sign_callback is not None:
            patience = options.connection_timeout
            fields["sig"] = _encode(await call_within(patience, "sign_callback", options.sign_callback, nonce))
        else:
            fields["sig"] = _encode(_sign(reveal(options.nkey_seed or ""), nonce))
    elif options.nkey_seed is not None:
        seed = reveal(options.nkey_seed)
        fields["nkey"] = public_key(seed)
        if nonce:
            fields["sig"] = _encode(_sign(seed, nonce))
    elif userinfo is not None:
        if userinfo.token is not None:
            fields["auth_token"] = reveal(userinfo.token)
        else:
            fields["user"] = userinfo.user or ""
            fields["pass"] = reveal(userinfo.password or "")
    elif options.user is not None:
        fields["user"] = options.user
        fields["pass"] = reveal(options.password or "")
    return fields


async def _read(path: str | Path) -> str:
    """Return a file's text; a pipe that nobody writes to, or a network drive that hangs, is left to its thread."""

    def read() -> str:
        return Path(path).expanduser().read_text(encoding="utf-8", errors="replace")

    return await in_own_thread("credentials", read)


def _from_callback(auth: Auth) -> dict[str, str]:
    given = {
        "user": auth.user,
        "pass": auth.password,
        "auth_token": auth.token,
        "jwt": auth.jwt,
        "nkey": auth.nkey,
        "sig": None if auth.signature is None else _encode(auth.signature),
    }
    return {name: value for name, value in given.items() if value is not None}


def reveal(secret: str | SecretStr) -> str:
    """Return a secret's text, for the wire only."""
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def split_credentials(text: str, server: str = "") -> tuple[str, str]:
    """Return the user JWT and the seed out of a ``.creds`` text.

    Raises:
        AuthenticationError: either is missing.
    """
    parts = {kind: body for kind, body in _ARMOUR.findall(text)}
    if "JWT" not in parts or "SEED" not in parts:
        missing = "user JWT" if "JWT" not in parts else "user seed"
        raise AuthenticationError(server, f"the credentials hold no {missing}", "make the .creds file anew with nsc")
    return parts["JWT"], parts["SEED"]


def public_key(seed: str) -> str:
    """Return the public key of an nkey seed."""
    import nkeys

    key: bytes = nkeys.from_seed(bytearray(seed.strip().encode())).public_key
    return key.decode()


def jwt_expiry(jwt: str) -> float | None:
    """Return when a JWT expires (seconds since the epoch), or None where it never does or cannot be read."""
    try:
        body = jwt.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        expiry = claims.get("exp")
        return float(expiry) if expiry else None
    except (IndexError, ValueError, AttributeError, TypeError):
        return None


def expired_since(fields: dict[str, str]) -> float | None:
    """Return for how many seconds the JWT about to be presented has been expired, or None."""
    expiry = jwt_expiry(fields.get("jwt", ""))
    return time.time() - expiry if expiry is not None and expiry < time.time() else None


def _sign(seed: str, nonce: bytes) -> bytes:
    import nkeys

    pair = nkeys.from_seed(bytearray(seed.strip().encode()))
    try:
        signature: bytes = pair.sign(nonce)
        return signature
    finally:
        pair.wipe()


def _encode(signature: bytes) -> str:
    """Base64, as nats-py sends it; a signature that comes encoded already is left as it is."""
    return (base64.b64encode(signature) if len(signature) == 64 else signature).decode("ascii")
