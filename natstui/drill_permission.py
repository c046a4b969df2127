"""Who may break a connection on purpose, and what to do where it is not allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from natstui.stream.sanitise import sanitise

if TYPE_CHECKING:
    from natstui.session import Session


def allows_drill(session: Session, context: str, servers: Iterable[str]) -> bool:
    """Whether a connection to these servers of a context (empty for none) may be broken on purpose.

    Always where the server is natstui's own (`natstui demo`), else as the settings say.
    """
    given = set(servers)
    return (bool(given) and given <= session.own_servers) or session.launch.settings.allows_fault_drill(context)


def drill_refusal(session: Session, context: str, servers: Iterable[str]) -> str:
    """Return in one sentence why that is not allowed and how to allow it; empty where it is allowed."""
    if allows_drill(session, context, servers):
        return ""
    if session.confinement is not None:
        return "Fault drills are not allowed in this session; whoever hosts it can allow them."
    file = session.launch.settings.config_file
    place = f" in {sanitise(str(file))}" if file is not None else " in the settings file"
    name = sanitise(context)
    if session.launch.settings.safety_of(context).is_production:
        return (
            f"Fault drills are not allowed on production; to allow them all the same, write fault_drill = true under "
            f'[contexts."{name}"]{place}.'
        )
    if context:
        return f'To allow fault drills here, write fault_drill = true under [contexts."{name}"]{place}.'
    return f"To allow fault drills here, start natstui with --fault-drill, or write fault_drill = true{place}."
