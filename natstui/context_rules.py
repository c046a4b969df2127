"""What the settings say of nats contexts: which are production, which are read-only, which allow fault drills.

They stand in the settings file as tables under a context's name, or a glob of names::

    [contexts."prod*"]
    read_only = true
    production = true
    fault_drill = false

Capital letters make no difference, and ``*`` holds for connections without a context too. Where several tables hold,
the strictest word counts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

_PRODUCTION = re.compile(r"(?<![a-z])prod(uction)?(?![a-z])")
_NOT_QUITE = re.compile(r"(?<![a-z])(no|not|non|pre)[^a-z0-9]$")


class ContextRule(BaseModel):
    """What one table says. None where it leaves the question to other tables, and then to the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    read_only: bool = False
    """No message leaves on a connection to this context."""
    production: bool | None = None
    """Marked wherever it is shown, and sending is confirmed first; by default where "prod" or "production" is a word of
    the name."""
    fault_drill: bool | None = None
    """Whether a panel's connection may be broken on purpose."""

    def __str__(self) -> str:
        return " ".join(f"{name}={str(value).lower()}" for name, value in self if name in self.model_fields_set)


@dataclass(frozen=True, slots=True)
class ContextSafety:
    """What holds for one context."""

    read_only: bool = False
    is_production: bool = False
    fault_drill: bool | None = None
    """Whether a fault drill is allowed; None where no table says."""


def context_safety(name: str, rules: Mapping[str, ContextRule]) -> ContextSafety:
    """Return what holds for a context (its name is empty for a connection that comes from none)."""
    held = [rules[pattern] for pattern in matching(name, rules)]
    production = {rule.production for rule in held} - {None}
    drill = {rule.fault_drill for rule in held} - {None}
    return ContextSafety(
        read_only=any(rule.read_only for rule in held),
        is_production=any(production) if production else is_production_name(name),
        fault_drill=all(drill) if drill else None,
    )


def matching(name: str, patterns: Iterable[str]) -> list[str]:
    """Return the patterns that hold for a context's name."""
    folded = name.casefold()
    return [pattern for pattern in patterns if folded == pattern.casefold() or fnmatchcase(folded, pattern.casefold())]


def is_production_name(name: str) -> bool:
    """Whether a name has "prod" or "production" as a word, as in "prod-east" and "eu_PROD1"; not in "pre-prod"."""
    folded = name.casefold()
    return any(not _NOT_QUITE.search(folded[: found.start()]) for found in _PRODUCTION.finditer(folded))


def read_rules(tables: object) -> tuple[dict[str, ContextRule], list[str]]:
    """Return the rules that the tables make, and a sentence for each key that there is not.

    Raises:
        ValueError: in one sentence what is wrong: a rule that cannot be understood must not be left out.
    """
    if not isinstance(tables, Mapping):
        raise ValueError('should be tables, written for example as [contexts."prod*"]')
    rules: dict[str, ContextRule] = {}
    problems: list[str] = []
    for pattern, table in tables.items():
        if isinstance(table, ContextRule):
            rules[pattern] = table
            continue
        if not isinstance(table, Mapping):
            raise ValueError(f'needs a table for {pattern!r}, written [contexts."{pattern}"]')
        known = {key: value for key, value in table.items() if key in ContextRule.model_fields}
        problems += [_unknown(pattern, key) for key in table if key not in known]
        rules[pattern] = _rule(pattern, known)
    return rules, problems


def _rule(pattern: str, values: dict[str, Any]) -> ContextRule:
    try:
        return ContextRule(**values)
    except ValidationError as error:
        name = error.errors(include_input=False)[0]["loc"][0]
        raise ValueError(f"{pattern!r}: {name} should be true or false") from None


def _unknown(pattern: str, key: str) -> str:
    nearest = next(iter(difflib.get_close_matches(key, ContextRule.model_fields, n=1)), "")
    return f"{key} in contexts.{pattern!r} is not used: " + (
        f"did you mean {nearest}?" if nearest else f"there are {', '.join(ContextRule.model_fields)}."
    )
