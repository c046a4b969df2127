"""What keeps a picture the same everywhere and always: one time zone, no blinking."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from textual.widgets import Input, TextArea

PICTURES = "TEXTUAL_SNAPSHOT_TEMPDIR"


@pytest.fixture(scope="session", autouse=True)
def pictures() -> str:
    """Where pytest-textual-snapshot keeps its pictures: read before every test's own environment takes it away."""
    return os.environ[PICTURES]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, own_environment: object, pictures: str) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv(PICTURES, pictures)
    time.tzset()
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda self: None)
    yield
    monkeypatch.undo()
    time.tzset()
