"""Certificates made for one test run: nothing is stored in the repository."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True)
class TlsFiles:
    """What a server or client needs: its certificate chain and key, and the CA it is to trust."""

    certificate: Path
    key: Path
    ca: Path


class CertificateAuthority:
    """A CA of its own; make a second one for "unknown CA"."""

    def __init__(self, directory: Path, name: str = "natstui tests") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._ca = trustme.CA(organization_name=name)
        self._count = 0
        self.certificate = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.certificate))

    def server(
        self, *names: str, expires_in: timedelta | None = None, valid_since: timedelta = timedelta(days=1)
    ) -> TlsFiles:
        """A server's certificate; without `names` for 127.0.0.1, ::1 and localhost.

        A wrong host name is `server("wrong.example")`; `expires_in` may be negative for one that has expired.
        """
        return self._issue(names or ("127.0.0.1", "::1", "localhost"), expires_in, valid_since)

    def client(self, name: str = "client@natstui.example", expires_in: timedelta | None = None) -> TlsFiles:
        """A client's certificate."""
        return self._issue((name,), expires_in, timedelta(days=1))

    def context(self, client: TlsFiles | None = None) -> ssl.SSLContext:
        """A client's SSLContext that trusts this CA only, with a client certificate where one is given."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        return context

    def _issue(self, names: tuple[str, ...], expires_in: timedelta | None, valid_since: timedelta) -> TlsFiles:
        self._count += 1
        now = datetime.now(UTC)
        not_after = None if expires_in is None else now + expires_in
        not_before = now - valid_since
        if not_after is not None and not_after <= not_before:
            not_before = not_after - valid_since
        leaf = self._ca.issue_cert(*names, not_before=not_before, not_after=not_after)
        certificate = self._directory / f"{self._count}.pem"
        key = self._directory / f"{self._count}.key"
        leaf.private_key_pem.write_to_path(str(key))
        for index, blob in enumerate(leaf.cert_chain_pems):
            blob.write_to_path(str(certificate), append=index > 0)
        return TlsFiles(certificate, key, self.certificate)
