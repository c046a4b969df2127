"""The files of workspaces: where they are, how one is read, and how it is written without harm to anyone."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from threading import Lock

from natstui.places import path_words
from natstui.settings import at_home
from natstui.settings_sources import config_path
from natstui.workspace import Workspace, WorkspaceError

SUFFIX = ".toml"
LARGEST = 16 * 1024 * 1024
"""Bytes of a workspace that are read at most; a larger file is none."""
MOST_SESSIONS = 30
"""Last sessions that are kept, one for each place."""

_TOKEN = r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|(?P<comment>#[^\n]*)'
"""A string of TOML, or a comment."""


class ChangedOnDisk(WorkspaceError):
    """Someone else wrote the file since it was read."""


class IsProtected(WorkspaceError):
    """Its owner took the permission to write the file away."""


class HoldsComments(WorkspaceError):
    """Writing the file would lose comments."""


def workspace_directory() -> Path:
    """Where workspaces with a plain name are."""
    return config_path().parent / "workspaces"


def is_workspace_file(word: str) -> bool:
    """Whether a word is the path of a workspace rather than a name."""
    return word.endswith(SUFFIX) or "/" in word or os.sep in word


def workspace_path(word: str) -> Path:
    """Return the file that a name or a path means.

    Raises:
        WorkspaceError: the name is none.
    """
    word = word.strip()
    is_file = is_workspace_file(word)
    if not word or not word.isprintable() or (not is_file and word.startswith((".", "-", "~"))):
        raise WorkspaceError(
            f"{word!r} is no name for a workspace; give a name such as ops, or a file such as ops.toml"
        )
    if is_file:
        return at_home(Path(word))
    return workspace_directory() / f"{word}{SUFFIX}"


def list_workspaces(directory: Path | None = None) -> list[Path]:
    """Return the workspaces that have a name, sorted."""
    try:
        return sorted(path for path in (directory or workspace_directory()).glob(f"*{SUFFIX}") if path.is_file())
    except OSError:
        return []


class WorkspaceFile:
    """One workspace on disk.

    Args:
        is_session: whether it is the last session: nobody edits it by hand, and whoever writes last has the say.
    """

    def __init__(self, path: Path, *, is_session: bool = False) -> None:
        self.path = path
        self.is_session = is_session
        self._known: bytes | None = None
        """Its content as it was last read or written; None where there was no file."""
        self._writing = Lock()

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return "the last session" if self.is_session else path_words(self.path)

    def read(self) -> Workspace | None:
        """Read it; None where there is no such file.

        Raises:
            WorkspaceError: it cannot be read, or is no workspace.
        """
        content = self._content()
        workspace = None
        if content is not None:
            from natstui.workspace_reader import parse_workspace

            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise WorkspaceError(f"{path_words(self.path)} is not UTF-8 text; save it as UTF-8") from None
            workspace = parse_workspace(text.replace("\r\n", "\n"), path_words(self.path), self.path.parent.absolute())
        self._known = content
        return workspace

    def _content(self) -> bytes | None:
        try:
            if not S_ISREG(self.path.stat().st_mode):
                raise WorkspaceError(f"{path_words(self.path)} is no file that a workspace could be read from")
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size > LARGEST:
                    raise WorkspaceError(f"{path_words(self.path)} is too large to be a workspace")
                return file.read(LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("read", error) from None

    def write(self, workspace: Workspace, secrets: Iterable[str] = (), *, overwrites: bool = False) -> bool:
        """Write it whole or not at all, for its owner only where it is made; tell whether there was anything to write.

        A file that a user may have commented or changed meanwhile is left alone unless `overwrites`.

        Args:
            secrets: of connections in use; none of them is written, wherever it stands.

        Raises:
            IsProtected: its mode lets nobody write it.
            ChangedOnDisk: someone else changed it.
            HoldsComments: it has comments beside those at its top, which are kept.
            WorkspaceError: it cannot be written.
        """
        from natstui.workspace_writer import HEADER, without_secrets_in, write_workspace

        known = None if self._known is None else self._known.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        header = _leading_comments(known or "") or HEADER
        text = write_workspace(without_secrets_in(workspace, secrets), self.path.parent.absolute(), header)
        with self._writing:
            return self._write(text.encode(), known, overwrites)

    def _write(self, content: bytes, known: str | None, overwrites: bool) -> bool:
        if content == self._known:
            return False
        if not overwrites and not self.is_session:
            if self._is_protected():
                raise IsProtected(f"{self.name} is write-protected")
            if self._content() != self._known:
                raise ChangedOnDisk(f"{self.name} was changed by someone else")
            if known is not None and _has_comments(known):
                raise HoldsComments(f"{self.name} holds comments that saving would lose")
        try:
            self._replace(content)
        except OSError as error:
            raise self._failure("written", error) from None
        self._known = content
        return True

    def _is_protected(self) -> bool:
        """Whether its mode lets nobody write it: its owner meant something, though replacing it takes no permission."""
        try:
            return not self.path.stat().st_mode & 0o222
        except OSError:
            return False

    def _replace(self, content: bytes) -> None:
        # A link stays one: what it leads to is replaced.
        path = self.path.resolve()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".natstui-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o777)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if self.is_session:
            _drop_old(path.parent)

    def _failure(self, verb: str, error: OSError) -> WorkspaceError:
        words = error.strerror or type(error).__name__
        return WorkspaceError(f"{path_words(self.path)} cannot be {verb} ({words}); check the path and its permissions")


def as_sentence(error: Exception | None) -> str:
    """What is wrong, with a capital letter unless it begins with the name of a file, and without a stop."""
    words = str(error)
    is_file = bool({".", "/"} & set(words.partition(" ")[0]))
    return words if is_file else words[:1].upper() + words[1:]


def _leading_comments(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line + "\n")
    return "".join(lines)


def _has_comments(text: str) -> bool:
    """Whether there are comments after those at the top."""
    return any(found["comment"] for found in re.finditer(_TOKEN, text[len(_leading_comments(text)) :], re.DOTALL))


def _drop_old(directory: Path) -> None:
    with suppress(OSError):
        sessions = sorted(directory.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in sessions[:-MOST_SESSIONS]:
            path.unlink(missing_ok=True)
