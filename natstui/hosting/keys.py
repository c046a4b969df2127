"""The keys of an SSH server: its own, and those of the people who may come in."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import asyncssh

LONGEST_FILE = 1024 * 1024
"""Bytes of a file of keys that are read at most."""


class KeyFileError(Exception):
    """A file of keys cannot be used; ``str()`` is one sentence that says what to do."""


@dataclass(frozen=True)
class AuthorizedKey:
    """A key that may come in."""

    key: asyncssh.SSHKey
    name: str
    """The comment behind the key; says whose it is."""
    line: int

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it."""
        return str(self.key.get_fingerprint())


def read_authorized_keys(path: Path) -> dict[bytes, AuthorizedKey]:
    """Return the keys in a file, by their public data; empty lines and those that begin with # are skipped.

    Raises:
        KeyFileError: the file cannot be read, others may write to it, or a line of it is no plain key.
    """
    text = _read(path)
    keys: dict[bytes, AuthorizedKey] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            key = asyncssh.import_public_key(line)
        except (asyncssh.KeyImportError, ValueError):
            raise KeyFileError(
                f"{path}, line {number}: this is no plain public key; write one a line, as in a .pub file, "
                "without options before it"
            ) from None
        comment = key.get_comment() or ""
        keys[key.public_data] = AuthorizedKey(key, comment if isinstance(comment, str) else "", number)
    if not keys:
        raise KeyFileError(f"{path} holds no key, so nobody could come in; put public keys into it, one a line")
    return keys


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise KeyFileError(f"{path} is no file; give one with public keys with --authorized-keys")
            if about.st_uid not in (0, os.getuid()) or about.st_mode & 0o022:
                raise KeyFileError(
                    f"others than you may write to {path}, and so let in whom they like; "
                    "make it your own and run chmod 600"
                )
            if about.st_size > LONGEST_FILE:
                raise KeyFileError(f"{path} is larger than {LONGEST_FILE:,} bytes; give a file of public keys")
            return file.read(LONGEST_FILE).decode("utf-8", "replace")
    except IsADirectoryError:
        raise KeyFileError(f"{path} is no file; give one with public keys with --authorized-keys") from None
    except FileNotFoundError:
        raise KeyFileError(
            f"there is no file {path}; put the public keys of those who may come in into it, one a line, "
            "or name another with --authorized-keys"
        ) from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from None


def own_host_key(path: Path) -> asyncssh.SSHKey:
    """Return the server's key; where there is none yet, one is made with mode 0600.

    Raises:
        KeyFileError: it can be neither read nor made, or others can read it.
    """
    try:
        if not path.exists():
            _make_host_key(path)
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"others can read the host key {path}; run chmod 600, or remove it for another")
        return asyncssh.import_private_key(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"the host key {path} cannot be used ({error.strerror}); check its permissions") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        raise KeyFileError(f"the host key {path} is broken; remove it, and another is made") from None


def _make_host_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519", comment="natstui")
    part = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.export_private_key())
            file.flush()
            os.fsync(file.fileno())
        # Where two start at once, both take the key of the first.
        try:
            os.link(part, path)
        except FileExistsError:
            pass
    finally:
        part.unlink()
