from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natstui.stream.export import (
    ExportError,
    FileThere,
    entry_as_json,
    save_json_lines,
    save_payload,
    suggested_name,
    timed_entries,
)
from natstui.stream.ring import Gap, MessageRing, Record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty directory."""
    path = tmp_path / "files"
    path.mkdir()
    return path


RECORD: Record = (b"orders.new", b"_INBOX.1", b'{"id":1}', b"NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n")


def test_a_message_as_json() -> None:
    assert json.loads(entry_as_json(RECORD, 1_760_000_000.25)) == {
        "time": "2025-10-09T08:53:20.250Z",
        "subject": "orders.new",
        "reply": "_INBOX.1",
        "headers": [["A", "1"], ["A", "2"]],
        "payload": '{"id":1}',
    }
    assert json.loads(entry_as_json(Gap("offline", 0.0), 0.0)) == {"time": "1970-01-01T00:00:00.000Z", "gap": "offline"}
    status = (b"i", b"", b"", b"NATS/1.0 503\r\n\r\n")
    assert json.loads(entry_as_json(status, 0.0))["status"] == 503


@given(st.binary(), st.binary())
def test_no_byte_of_a_payload_is_lost_and_every_line_is_plain(payload: bytes, headers: bytes) -> None:
    line = entry_as_json((b"s", b"", payload, headers), 0.0)
    assert line.isascii() and line.isprintable()
    fields = json.loads(line)
    if "payload_base64" in fields:
        assert base64.b64decode(fields["payload_base64"]) == payload
    else:
        assert fields["payload"].encode() == payload


def test_files_are_private_and_never_overwritten_unasked(folder: Path) -> None:
    path = folder / "payload.json"
    assert save_payload(path, RECORD) == 8
    assert path.read_bytes() == b'{"id":1}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"mine")
    with pytest.raises(FileThere, match="exists: choose another name"):
        save_payload(path, RECORD)
    assert path.read_bytes() == b"mine"
    save_payload(path, RECORD, overwrite=True)
    assert path.read_bytes() == b'{"id":1}'
    assert [file.name for file in folder.iterdir()] == ["payload.json"]


def test_a_dangling_link_is_not_written_through(folder: Path) -> None:
    link = folder / "link"
    link.symlink_to(folder / "elsewhere")
    with pytest.raises(FileThere):
        save_payload(link, RECORD)
    assert not (folder / "elsewhere").exists()


def test_what_cannot_be_written_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(ExportError, match="is a directory: give a file name"):
        save_payload(folder, RECORD)
    with pytest.raises(ExportError, match=r"cannot be written \(No such file or directory\): choose another place"):
        save_payload(folder / "no" / "file", RECORD)
    with pytest.raises(ExportError, match="cannot be written"):
        save_payload(folder / "nul\0", RECORD)
    with pytest.raises(ExportError, match="cannot be written"):
        save_payload(folder / ("x" * 400), RECORD)

    def broken():  # type: ignore[no-untyped-def]
        yield 0.0, RECORD
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportError, match="No space left on device"):
        save_json_lines(folder / "all.jsonl", broken())
    assert list(folder.iterdir()) == []


def test_everything_kept_as_json_lines(folder: Path) -> None:
    ring = MessageRing()
    ring.extend([RECORD] * 3, at=5.0)
    ring.mark_gap("offline 4.2 s", at=6.0)
    path = folder / "all.jsonl"
    assert save_json_lines(path, timed_entries(ring.snapshot())) == 4
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["time"][-13:] for line in lines] == ["00:00:05.000Z"] * 3 + ["00:00:06.000Z"]
    assert lines[3]["gap"] == "offline 4.2 s"


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (RECORD, "orders.new-20251009T085320.json"),
        ((b"../../etc/passwd", b"", b"x", b""), "etc_passwd-20251009T085320.txt"),
        ((b"\x1b[31m>", b"", b"\x00", b""), "31m-20251009T085320.bin"),
        ((b">", b"", b"", b""), "message-20251009T085320.txt"),
    ],
)
def test_names_that_are_safe_in_any_directory(record: Record, name: str) -> None:
    assert suggested_name(record, 1_760_000_000.0) == name
