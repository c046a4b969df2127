"""TLS contexts, and what certificates say."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from natstui.connection.errors import TlsError
from natstui.connection.options import ConnectOptions

_PEM_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17


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
        _load(server, certificate, "client", lambda: context.load_cert_chain(certificate, key, _refuse_to_ask))
    return context


class _EncryptedKeyError(Exception):
    """The key needs a passphrase."""


def _refuse_to_ask() -> str:
    """Keep OpenSSL from asking for the passphrase at the terminal: nothing would go on meanwhile."""
    raise _EncryptedKeyError


def _load(server: str, path: Path, kind: str, load: object) -> None:
    try:
        load()  # type: ignore[operator]
    except _EncryptedKeyError:
        raise TlsError(
            server,
            f"the key of the {kind} certificate {path.name} is encrypted, and there is no option for its passphrase",
            "give a key that is not encrypted (openssl pkey -in OLD -out NEW)",
        ) from None
    except ssl.SSLError as error:
        raise TlsError(
            server,
            f"the {kind} certificate {path.name} cannot be used ({error.reason or 'not PEM'})",
            f"give a PEM file{', and the key that belongs to it' if kind == 'client' else ' of certificates'}",
        ) from None
    except OSError as error:
        raise TlsError(
            server, f"the {kind} certificate {path.name} cannot be read ({error.strerror})", "check the path"
        ) from None


def tls_not_offered(server: str, remedy: str) -> TlsError:
    """Return the typed failure for a server without TLS where the options, or the URL, ask for it."""
    return TlsError(server, "TLS is required here, but the server offers none", remedy)


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
    if "alert" in reason and ("certificate" in reason or "unknown ca" in reason or "handshake failure" in reason):
        return TlsError(
            server, f"the server refused our certificate ({reason})", "set client_certificate and client_key"
        )
    if "wrong version" in reason or "unexpected message" in reason or "record layer" in reason:
        return TlsError(server, f"the peer does not speak TLS here ({reason})", "check port and tls_first")
    return TlsError(server, f"TLS failed ({reason})", "check the certificates and TLS versions on both sides")


def certificate_expiry(tls_object: ssl.SSLObject | None) -> datetime | None:
    """Return until when the server's certificate is valid; None without TLS."""
    der = None if tls_object is None else tls_object.getpeercert(binary_form=True)
    return None if der is None else not_after(der)


def client_certificate_expiry(options: ConnectOptions) -> datetime | None:
    """Return until when `client_certificate` is valid; None where there is none, or it cannot be read."""
    if options.client_certificate is None:
        return None
    try:
        text = Path(options.client_certificate).expanduser().read_text(encoding="ascii", errors="replace")
        first = _PEM_CERTIFICATE.search(text)
        return None if first is None else not_after(ssl.PEM_cert_to_DER_cert(first[0]))
    except (OSError, ValueError):
        return None


def not_after(der: bytes) -> datetime | None:
    """Return until when an X.509 certificate is valid (RFC 5280, 4.1); None where it cannot be read."""
    try:
        _, at, _ = _element(der, 0)
        _, at, _ = _element(der, at)
        for _ in range(4 if der[at] == _VERSION else 3):
            _, _, at = _element(der, at)
        _, at, _ = _element(der, at)
        _, _, at = _element(der, at)
        tag, start, end = _element(der, at)
        text = der[start:end].decode("ascii")
        if tag == _UTC_TIME:
            text = ("20" if text[:2] < "50" else "19") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return the tag, the start and the end of the content of the element at `at`."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[at + 2 : start], "big")
    return tag, start, start + length
