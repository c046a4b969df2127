"""TLS contexts, and what a server's certificate says."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from natstui.connection.errors import TlsError
from natstui.connection.options import ConnectOptions


def tls_context(options: ConnectOptions, server: str) -> ssl.SSLContext:
    """Return the context to connect with: the caller's own, or one built from the certificate files, read anew.

    Raises:
        TlsError: a file cannot be read, or does not hold what it should.
    """
    if options.tls_client_config is not None:
        return options.tls_client_config
    context = ssl.create_default_context()
    if options.root_certificates is not None:
        path = Path(options.root_certificates).expanduser()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(server, path, "authority", lambda: context.load_verify_locations(path))
    if options.client_certificate is not None:
        certificate = Path(options.client_certificate).expanduser()
        key = None if options.client_key is None else Path(options.client_key).expanduser()
        _load(server, certificate, "client", lambda: context.load_cert_chain(certificate, key))
    return context


def _load(server: str, path: Path, kind: str, load: object) -> None:
    try:
        load()  # type: ignore[operator]
    except ssl.SSLError as error:
        raise TlsError(
            server,
            f"the {kind} certificate {path.name} cannot be used ({error.reason or 'not PEM'})",
            "give a PEM file, and the key that belongs to it",
        ) from None
    except OSError as error:
        raise TlsError(
            server, f"the {kind} certificate {path.name} cannot be read ({error.strerror})", "check the path"
        ) from None


def tls_failure(server: str, error: ssl.SSLError) -> TlsError:
    """Return the typed failure for what OpenSSL said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code in (18, 19, 20, 21):
            return TlsError(
                server,
                f"the server's certificate is from an authority that is not trusted ({error.verify_message})",
                "set root_certificates to that authority's PEM file",
            )
        if code in (62, 63, 64):
            return TlsError(
                server,
                f"the server's certificate is for another name ({error.verify_message})",
                "connect by a name that it carries, or set tls_hostname",
            )
        if code in (9, 10):
            return TlsError(server, f"the server's certificate is not valid now ({error.verify_message})", "renew it")
        return TlsError(server, f"the server's certificate was refused ({error.verify_message})", "check it")
    reason = (error.reason or str(error.args[-1] if error.args else error)).replace("_", " ").lower()
    if "certificate required" in reason or "bad certificate" in reason or "handshake failure" in reason:
        return TlsError(
            server, f"the server refused our certificate ({reason})", "set client_certificate and client_key"
        )
    if "wrong version" in reason or "unexpected message" in reason or "record layer" in reason:
        return TlsError(server, f"the peer does not speak TLS here ({reason})", "check port and tls_first")
    return TlsError(server, f"TLS failed ({reason})", "check the certificates and TLS versions on both sides")


def certificate_expiry(ssl_object: ssl.SSLObject | None) -> datetime | None:
    """Return until when the server's certificate is valid; None without TLS or where it was not verified."""
    certificate = ssl_object.getpeercert() if ssl_object is not None else None
    not_after = certificate.get("notAfter") if certificate else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(not_after)), UTC) if not_after else None
