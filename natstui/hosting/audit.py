"""Who came, from where, when, for how long, and how it ended: one JSON object a line, for its owner's eyes only."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

MAX_FILE_BYTES = 10 * 1024 * 1024
"""Beyond this size the file becomes audit.log.1, that one audit.log.2, and so on."""
KEPT_FILES = 4
"""Older files that are kept."""
LONGEST_TEXT = 200
"""Characters of a text from outside that are noted."""
REFUSALS_A_MINUTE = 60
"""More are counted only: nobody who is refused shall fill the disk, or push out what is of interest."""


class AuditError(Exception):
    """The audit log cannot be written; ``str()`` is one sentence."""


class AuditLog:
    """Appends to a file of mode 0600.

    Args:
        path: the file; its directory is made with mode 0700.
        now: the time, with its zone.
    """

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._now = now
        self._refusals: deque[datetime] = deque(maxlen=REFUSALS_A_MINUTE)
        self._uncounted = 0

    def note(self, event: str, **details: object) -> None:
        """Append one event.

        Raises:
            AuditError: it cannot be written.
        """
        fields: dict[str, object] = {"at": self._now().isoformat(timespec="milliseconds"), "event": event}
        for name, value in details.items():
            fields[name] = value[:LONGEST_TEXT] if isinstance(value, str) else value
        # ASCII alone: nothing from outside can act on the terminal of whoever reads it.
        line = json.dumps(fields, ensure_ascii=True) + "\n"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rotate()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
                os.write(descriptor, line.encode("ascii"))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AuditError(
                f"the audit log {self.path} cannot be written ({error.strerror}); check the directory and the disk"
            ) from None

    def refused(self, reason: str, **details: object) -> None:
        """Append a refusal; those beyond a number a minute are counted, and told of with the next that is written.

        Raises:
            AuditError: it cannot be written.
        """
        now = self._now()
        if len(self._refusals) == REFUSALS_A_MINUTE and (now - self._refusals[0]).total_seconds() < 60:
            self._uncounted += 1
            return
        self._refusals.append(now)
        more = {"left_out": self._uncounted} if self._uncounted else {}
        self._uncounted = 0
        self.note("refused", reason=reason, **details, **more)

    def _rotate(self) -> None:
        if not self.path.exists() or self.path.stat().st_size < MAX_FILE_BYTES:
            return
        for number in range(KEPT_FILES, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number}"))
