"""Messages to files: one payload as it is, or many messages as JSON lines. Private, and never over another unasked."""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from natstui.stream.decode import PayloadKind, parse_headers, payload_kind
from natstui.stream.ring import Entry, EntrySequence, Gap, Record


class ExportError(Exception):
    """A file could not be written: one sentence that says why and what to do."""


class FileThere(ExportError):
    """The file exists, and nobody said that it may be overwritten."""


SUFFIXES = {PayloadKind.JSON: ".json", PayloadKind.TEXT: ".txt", PayloadKind.BINARY: ".bin", PayloadKind.EMPTY: ".txt"}


def suggested_name(record: Record, at: float) -> str:
    """A file name for the payload: its subject without what is awkward in a file name, its time (UTC), its kind."""
    subject = re.sub(r"[^A-Za-z0-9._-]+", "_", record[0][:80].decode("utf-8", "replace")).strip("._") or "message"
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S")
    return f"{subject}-{moment}{SUFFIXES[payload_kind(record[2])]}"


def suggested_list_name(at: float) -> str:
    """A file name for many messages saved at that time (UTC)."""
    return f"messages-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%S}.jsonl"


def entry_as_json(entry: Entry, at: float) -> str:
    """A message or gap marker as one line of JSON, nothing of it lost.

    A payload that is not UTF-8 stands as base64 under "payload_base64", such a header block under "headers_base64".
    """
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields: dict[str, object] = {"time": time}
    if isinstance(entry, Gap):
        fields["gap"] = entry.text
        return json.dumps(fields, ensure_ascii=True)
    subject, reply, payload, block = entry
    fields["subject"] = subject.decode("utf-8", "backslashreplace")
    if reply:
        fields["reply"] = reply.decode("utf-8", "backslashreplace")
    if block:
        headers = parse_headers(block)
        if headers.status is not None:
            fields["status"] = headers.status
        fields["headers"] = [list(pair) for pair in headers.pairs]
        if _text(block) is None:
            fields["headers_base64"] = base64.b64encode(block).decode("ascii")
    text = _text(payload)
    if text is None:
        fields["payload_base64"] = base64.b64encode(payload).decode("ascii")
    else:
        fields["payload"] = text
    return json.dumps(fields, ensure_ascii=True)


def save_payload(path: Path, record: Record, *, overwrite: bool = False) -> int:
    """Writes a message's payload, byte for byte, into a file that only its owner may read. Returns the bytes written.

    Raises:
        FileThere: the file exists and `overwrite` is false.
        ExportError: it cannot be written.
    """
    return _write(path, lambda file: file.write(record[2]), overwrite)


def save_json_lines(path: Path, entries: Iterable[tuple[float, Entry]], *, overwrite: bool = False) -> int:
    """Writes messages and gap markers, each with its time, as JSON lines. Returns how many.

    Raises:
        FileThere: the file exists and `overwrite` is false.
        ExportError: it cannot be written.
    """

    def write(file: BinaryIO) -> int:
        count = 0
        for at, entry in entries:
            file.write(entry_as_json(entry, at).encode("ascii") + b"\n")
            count += 1
        return count

    return _write(path, write, overwrite)


def timed_entries(source: EntrySequence, indices: Iterable[int] | None = None) -> Iterable[tuple[float, Entry]]:
    """Entries with their times, all by default. Take a snapshot of a ring first where it goes on meanwhile."""
    for index in range(source.first, source.end) if indices is None else indices:
        yield source.time_of(index), source[index]


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _write(path: Path, write: Callable[[BinaryIO], int], overwrite: bool) -> int:
    """Written beside its place and moved there whole: a full disk leaves no half file and no half-lost old one."""
    temporary: str | None = None
    try:
        target = path.expanduser()
        if target.is_dir():
            raise ExportError(f"{target} is a directory: give a file name.")
        if not overwrite and os.path.lexists(target):
            raise FileThere(f"{target} exists: choose another name, or say that it may be overwritten.")
        descriptor, temporary = tempfile.mkstemp(prefix=".natstui-", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            written = write(file)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            Path(temporary).replace(target)
        else:
            os.link(temporary, target)
    except FileExistsError:
        raise FileThere(f"{path} exists: choose another name, or say that it may be overwritten.") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExportError(f"{path} cannot be written ({reason}): choose another place.") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
    return written
