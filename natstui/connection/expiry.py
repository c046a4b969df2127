"""What runs out soon: certificates and user JWTs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from natstui.connection.auth import jwt_expiry
from natstui.connection.errors import ExpiryWarning
from natstui.connection.options import ConnectOptions
from natstui.connection.tls import certificate_expiry, client_certificate_expiry

WARN_WITHIN = timedelta(days=14)
"""How long beforehand natstui warns."""


def expiry_warnings(
    options: ConnectOptions, server: str, tls_object: ssl.SSLObject | None, jwt: str, now: datetime
) -> Iterator[ExpiryWarning]:
    """Yield a warning for each proof in use that expires within `WARN_WITHIN` of `now`."""
    jwt_expires = jwt_expiry(jwt)
    found = (
        ("the server's certificate", certificate_expiry(tls_object)),
        ("our client certificate", client_certificate_expiry(options) if tls_object is not None else None),
        ("the user JWT", None if jwt_expires is None else datetime.fromtimestamp(jwt_expires, UTC)),
    )
    for what, expires_at in found:
        if expires_at is not None and expires_at - now < WARN_WITHIN:
            yield ExpiryWarning(server, what, expires_at, now)
