"""`natstui config`: every setting, its effective value, and where that came from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from natstui.settings import Settings, shown
from natstui.stream.sanitise import sanitise


def print_config(settings: Settings, *, as_json: bool) -> int:
    """Print all settings, secrets masked, and return the exit code; on stderr, what of them cannot be used."""
    for problem in appearance_problems(settings):
        print(sanitise(f"natstui: {problem}"), file=sys.stderr)
    listing = settings.listing()
    if as_json:
        print(json.dumps({name: {"value": _plain(value), "from": origin} for name, value, origin in listing}, indent=2))
        return 0
    rows = [(name, sanitise(shown(name, value)), sanitise(origin)) for name, value, origin in listing]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        print(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")
    return 0


def appearance_problems(settings: Settings) -> Iterator[str]:
    """A sentence for each setting that only the dashboard can judge: the theme and the keymap, where they are set."""
    if settings.theme:
        from textual.theme import BUILTIN_THEMES

        from natstui.styles.themes import THEMES

        names = {*BUILTIN_THEMES, *(theme.name for theme in THEMES)}
        if settings.theme not in names:
            yield f"There is no theme {settings.theme!r}. There are {', '.join(sorted(names))}."
    if settings.keymap:
        from natstui.binding_ids import ids_of_widgets
        from natstui.keys import KEYS, check_keymap

        yield from check_keymap(settings.keymap, [*KEYS, *ids_of_widgets()])[1]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    return str(value) if isinstance(value, Path) else value
