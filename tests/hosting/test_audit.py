"""The audit log: private, bounded, and harmless to read."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from natstui.hosting.audit import KEPT_FILES, LONGEST_TEXT, MAX_FILE_BYTES, REFUSALS_A_MINUTE, AuditError, AuditLog


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_event_is_a_line_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "serve" / "audit.log"
    log = AuditLog(path)
    log.note("opened", user="ann", session=1)
    path.chmod(0o644)
    log.note("ended", user="ann", seconds=1.5, exit=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    opened, ended = lines(path)
    assert (opened["event"], opened["user"], opened["session"]) == ("opened", "ann", 1)
    assert (ended["seconds"], ended["exit"]) == (1.5, 0)
    assert datetime.fromisoformat(str(ended["at"])).tzinfo is not None


def test_nothing_from_outside_acts_on_a_readers_terminal(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log")
    hostile = '\x1b]0;title\x07\r\n{"event": "forged"}\x9b31m\u202e' + "x" * 100_000
    log.note("refused", user=hostile)
    text = log.path.read_text()
    assert text.isascii() and text.rstrip("\n").isprintable() and text.count("\n") == 1
    assert lines(log.path)[0]["user"] == hostile[:LONGEST_TEXT]


def test_it_does_not_grow_without_end(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log")
    for number in range(KEPT_FILES + 3):
        with log.path.open("ab") as file:
            file.write(b'{"event": "old"}\n')
            os.truncate(file.fileno(), MAX_FILE_BYTES)
        log.note("opened", session=number)
    assert sorted(path.name for path in tmp_path.glob("audit*")) == [
        "audit.log",
        *(f"audit.log.{number}" for number in range(1, KEPT_FILES + 1)),
    ]
    assert [line["session"] for line in lines(log.path)] == [KEPT_FILES + 2]


def test_refusals_do_not_push_out_what_is_of_interest(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    log = AuditLog(tmp_path / "audit.log", lambda: now)
    for _ in range(REFUSALS_A_MINUTE + 500):
        log.refused("no key that may come in")
    log.note("opened", session=1)
    assert len(lines(log.path)) == REFUSALS_A_MINUTE + 1
    now += timedelta(minutes=2)
    log.refused("no key that may come in")
    assert lines(log.path)[-1]["left_out"] == 500


def test_a_log_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "audit.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditError) as refusal:
        AuditLog(tmp_path / "audit.log").note("opened")
    assert "audit.log" in str(refusal.value) and str(refusal.value).isprintable()
    with pytest.raises(AuditError):
        AuditLog(tmp_path / "elsewhere" / "audit.log").note("opened")
    assert (tmp_path / "elsewhere").read_bytes() == b""
