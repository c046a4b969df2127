"""Where a connection may be broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from natstui.arguments import parse_arguments
from natstui.clock import Clock
from natstui.connection.options import ConnectOptions
from natstui.drill_permission import allows_drill, drill_refusal
from natstui.event_log import EventLog
from natstui.launch import Launch
from natstui.session import Session
from natstui.settings import Settings
from natstui.settings_sources import load_settings

SERVERS = ("nats://127.0.0.1:4222",)


def session(demo: bool = False, **settings: Any) -> Session:
    return Session(Launch(Settings(**settings), ConnectOptions(servers=SERVERS), (), demo), Clock(), EventLog())


@pytest.mark.parametrize(
    ("settings", "context", "is_allowed"),
    [
        ({}, "", False),
        ({}, "staging", False),
        ({"fault_drill": True}, "", True),
        ({"fault_drill": True}, "staging", True),
        ({"fault_drill": True}, "prod-east", False),
        ({"contexts": {"staging": {"fault_drill": True}}}, "staging", True),
        ({"contexts": {"staging": {"fault_drill": True}}}, "dev", False),
        ({"contexts": {"stag*": {"fault_drill": True}}}, "staging", True),
        ({"fault_drill": True, "contexts": {"staging": {"fault_drill": False}}}, "staging", False),
        ({"contexts": {"*": {"fault_drill": True}}}, "staging", True),
        ({"contexts": {"*": {"fault_drill": True}}}, "prod-east", False),
        ({"contexts": {"prod-east": {"fault_drill": True}}}, "prod-east", True),
        ({"contexts": {"prod*": {"fault_drill": True}, "*": {"fault_drill": False}}}, "prod-east", False),
        ({"fault_drill": True, "contexts": {"east": {"production": True}}}, "east", False),
        ({"fault_drill": True, "contexts": {"prod-lab": {"production": False}}}, "prod-lab", True),
    ],
)
def test_the_settings_decide_and_production_has_to_be_named(
    settings: dict[str, Any], context: str, is_allowed: bool
) -> None:
    assert allows_drill(session(**settings), context, SERVERS) == is_allowed
    assert bool(drill_refusal(session(**settings), context, SERVERS)) != is_allowed
    chosen = Settings(**settings, context=context)
    assert chosen.connect_options().fault_drill == is_allowed


def test_a_server_of_natstuis_own_may_be_drilled_and_no_other() -> None:
    demo = session(demo=True)
    assert allows_drill(demo, "", SERVERS)
    assert not allows_drill(demo, "", (*SERVERS, "nats://elsewhere:4222"))
    assert not allows_drill(demo, "", ())


def test_the_refusal_says_how_to_allow_it(own_environment: Path) -> None:
    assert "start natstui with --fault-drill" in drill_refusal(session(), "", SERVERS)
    assert '[contexts."staging"]' in drill_refusal(session(), "staging", SERVERS)
    production = drill_refusal(session(fault_drill=True), "prod-east", SERVERS)
    assert "not allowed on production" in production and '[contexts."prod-east"]' in production
    assert "whoever hosts it" in drill_refusal(session(hosted=True), "", SERVERS)
    assert "\x1b" not in drill_refusal(session(), "a\x1b[31m", SERVERS)
    launch = Launch(load_settings(), ConnectOptions(servers=SERVERS), ())
    told = drill_refusal(Session(launch, Clock(), EventLog()), "", SERVERS)
    assert str(own_environment / "config" / "natstui" / "config.toml") in told


def test_the_command_line_and_the_environment_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings().connect_options().fault_drill
    assert load_settings(parse_arguments(["--fault-drill"]).settings()).connect_options().fault_drill
    monkeypatch.setenv("NATSTUI_FAULT_DRILL", "true")
    assert load_settings().connect_options().fault_drill
    assert not load_settings(parse_arguments(["--no-fault-drill"]).settings()).connect_options().fault_drill


def test_whoever_hosts_a_session_can_allow_it() -> None:
    assert drill_refusal(session(hosted=True, fault_drill=True), "", SERVERS) == ""
