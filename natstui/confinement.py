"""What a hosted session may touch: its user has natstui and no shell, so that natstui must be no way to one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from natstui.connection.options import ConnectOptions

MOST_SAVED_BYTES = 64 * 1024 * 1024
MOST_SAVED_FILES = 1_000
"""What one user may keep in files."""
LONGEST_NAME = 200
"""Bytes of a file's name."""

FILES = {
    "credentials_file": "creds file",
    "root_certificates": "CA file",
    "client_certificate": "certificate",
    "client_key": "key",
}
"""Options that name a file → what the dialog calls them."""
_IDENTITY = (
    *("password", "token", "nkey_seed", "jwt", "credentials", "credentials_file", "sign_callback", "auth_callback"),
    *("client_certificate", "client_key", "tls_client_config"),
)


class Confined(ValueError):
    """A hosted session does not do this; ``str()`` is one sentence that says what it does."""


class Confinement:
    """The bounds of one hosted session.

    Args:
        directory: where the session keeps its files; what the user saves goes into "saved" within it.
        given: the connection that whoever hosts the session gave it.
    """

    def __init__(self, directory: Path, given: ConnectOptions) -> None:
        self.directory = directory / "saved"
        self._given = given

    def place(self, name: str) -> Path:
        """Where a file of this name is saved. Makes the directory, which only its owner can read.

        Raises:
            Confined: the name leads elsewhere, or there is no more room.
        """
        name = name.strip()
        if not name or name.startswith((".", "~")) or any(c in "/\\" or not c.isprintable() for c in name):
            raise Confined("A hosted session saves into its own directory only: give a plain file name.")
        if len(name.encode("utf-8", "replace")) > LONGEST_NAME:
            raise Confined(f"The name is too long: give one of at most {LONGEST_NAME} bytes.")
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            sizes = [entry.lstat().st_size for entry in self.directory.iterdir()]
        except OSError as error:
            raise Confined(f"{self.directory} cannot be used ({error.strerror}): ask whoever hosts this.") from None
        if len(sizes) >= MOST_SAVED_FILES or sum(sizes) >= MOST_SAVED_BYTES:
            raise Confined(
                f"{len(sizes):,} files with {sum(sizes) / 1e6:,.1f} MB are saved, and there is no room for more: "
                "ask whoever hosts this to clear them."
            )
        return self.directory / name

    def check(self, options: ConnectOptions, changes: Mapping[str, Any]) -> None:
        """Refuse changes of a connection that would read the host's files, or take its credentials elsewhere.

        Raises:
            Confined: in one sentence what is refused.
        """
        for name, words in FILES.items():
            if name in changes and changes[name] not in (None, "", *self._as_given(name)):
                raise Confined(
                    f"A hosted session reads no file that it was not given: leave the {words} as it is, "
                    "or ask whoever hosts it for a context."
                )
        changed = options.replace(**changes)
        if set(changed.servers) <= set(self._given.servers):
            return
        for name in _IDENTITY:
            value = getattr(self._given, name)
            if value is not None and _same(getattr(changed, name), value):
                raise Confined(
                    f"The {FILES.get(name, name.replace('_', ' '))} that this session was given is for "
                    f"{', '.join(self._given.servers)} only: for another server remove it ('-' removes a secret), "
                    "or enter one of your own."
                )

    def _as_given(self, name: str) -> tuple[object, ...]:
        value = getattr(self._given, name)
        return () if value is None else (value, str(value))


def _same(one: object, other: object) -> bool:
    return one == other or (isinstance(other, Path) and one == str(other))
