"""What the command line asks of the dashboard: the panels to open, on which connection.

Written without Textual, nats-py or pydantic, so that bad arguments are refused before anything is loaded or drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from natstui.connection.options import ConnectOptions
    from natstui.places import Place
    from natstui.settings import Settings
    from natstui.workspace import Workspace
    from natstui.workspace_files import WorkspaceFile

MOST_PANELS = 9
"""Panels that a dashboard has room for."""
PANEL_KINDS = ("subscribe", "publish", "request")
"""The kinds of panel that there are."""


@dataclass(frozen=True)
class PanelSpec:
    """One panel to open."""

    kind: str
    """One of `PANEL_KINDS`."""
    argument: str = ""
    """The subject; empty for a panel that asks for it."""
    queue: str = ""
    """The queue group; subscribe only."""
    place: Place | None = None
    """Where it is connected; None for where the others are."""
    saved: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else a workspace says of it, by the names of `natstui.workspace.KEYS`."""
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What a workspace says of it that this version does not know."""


@dataclass(frozen=True)
class Launch:
    """Everything that `natstui.app.NatstuiApp` starts from."""

    settings: Settings
    options: ConnectOptions
    """For each panel's connection."""
    panels: tuple[PanelSpec, ...]
    """In the order given; empty where the command line named none."""
    demo: bool = False
    """Whether the server is the embedded one."""
    context_name: str = ""
    """The nats context that the connection settings came from; empty for none."""
    warnings: tuple[str, ...] = ()
    """One sentence each, to be shown once."""
    workspace: Workspace | None = None
    """What to open in place of `panels`."""
    workspace_file: WorkspaceFile | None = None
    """Where the workspace came from, and is saved."""
    session_file: Path | None = None
    """Where the dashboard is saved that no workspace is opened in; None for nowhere unless the user says where."""
    is_connection_given: bool = False
    """Whether the command line said where to connect: then a workspace does not."""


def parse_panel(text: str) -> PanelSpec:
    """Return the panel that ``KIND[:SUBJECT]`` describes: ``publish``, ``subscribe:orders.>``, ``request:svc.echo``.

    ``subscribe:orders.>@workers`` joins the queue group ``workers``. What follows the last ``@`` is the queue group,
    so a subject with an ``@`` of its own is written with one more at its end.

    Raises:
        ValueError: one sentence that says what is wrong and what would be accepted.
    """
    kind, colon, subject = (part.strip() for part in text.partition(":"))
    if kind not in PANEL_KINDS:
        raise ValueError(
            f"there is no panel kind {kind!r}; the kinds are {', '.join(PANEL_KINDS)}, "
            "written for example as 'subscribe:orders.>'"
        )
    if colon and not subject:
        raise ValueError(f"the panel {text!r} names no subject after the colon; write {kind}:SUBJECT, or {kind} alone")
    queue = ""
    if kind == "subscribe" and "@" in subject:
        subject, _, queue = subject.rpartition("@")
        if queue and _is_broken(queue):
            raise ValueError(f"the queue group {queue!r} of the panel {text!r} holds white space or control characters")
    problem = _subject_problem(subject, wildcards=kind == "subscribe") if colon else ""
    if problem:
        raise ValueError(f"the subject {subject!r} of the panel {text!r} {problem}")
    return PanelSpec(kind, subject, queue)


def _is_broken(text: str) -> bool:
    return any(character.isspace() or not character.isprintable() for character in text)


def _subject_problem(subject: str, wildcards: bool) -> str:
    tokens = subject.split(".")
    if _is_broken(subject):
        return "holds white space or control characters; a subject has none"
    if not all(tokens):
        return "has an empty part; separate the parts by single dots"
    if ">" in tokens[:-1]:
        return "has > before its end; > stands last"
    if not wildcards and ("*" in tokens or ">" in tokens):
        return "has a wildcard; only subscriptions may have one"
    return ""
