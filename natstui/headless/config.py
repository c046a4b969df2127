"""`natstui config`: every setting, its effective value, and where that came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from natstui.settings import Settings, shown
from natstui.stream.sanitise import sanitise


def print_config(settings: Settings, *, as_json: bool) -> int:
    """Print all settings, secrets masked, and return the exit code."""
    listing = settings.listing()
    if as_json:
        print(json.dumps({name: {"value": _plain(value), "from": origin} for name, value, origin in listing}, indent=2))
        return 0
    rows = [(name, sanitise(shown(name, value)), sanitise(origin)) for name, value, origin in listing]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        print(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")
    return 0


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
