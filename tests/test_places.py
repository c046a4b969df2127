"""Where a connection leads, written down without secrets, and what that comes to on another day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from natstui.confinement import Confinement
from natstui.connection.options import ConnectOptions
from natstui.context_labels import NO_CONTEXT, ContextLabel
from natstui.context_options import options_on
from natstui.context_rules import ContextRule
from natstui.contexts import load_context
from natstui.launch import Launch
from natstui.places import SECRETS, Place, find_place, place_of
from natstui.settings import Settings

SECRET = "5f2a9c-hunter2"


def launch(context_name: str = "", settings: Settings | None = None, **options: Any) -> Launch:
    return Launch(settings or Settings(), ConnectOptions(**options), (), context_name=context_name)


@pytest.fixture
def staging(own_environment: Path) -> Path:
    """A nats context with a token."""
    path = own_environment / "config" / "nats" / "context" / "staging.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"url": "nats://staging:4222", "token": SECRET}))
    return path


def test_a_context_is_a_name_and_what_was_changed_of_it(staging: Path) -> None:
    given = ConnectOptions(ping_interval=7)
    origin = options_on(load_context("staging"), given)
    label = ContextLabel("staging")
    assert place_of(origin, label, given, origin) == Place("staging")
    changed = origin.replace(idle_timeout="1m")
    place = place_of(changed, label, given, origin)
    assert place == Place("staging", (), {"idle_timeout": 60.0})
    found = find_place(place, launch(ping_interval=7))
    assert found.problem == "" and found.options == changed and found.label.name == "staging"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("password", {"user": "ann", "password": SECRET}),
        ("token", {"token": SECRET}),
        ("nkey_seed", {"nkey_seed": SECRET}),
        ("credentials", {"credentials": SECRET}),
    ],
)
def test_no_secret_is_in_a_place_and_its_lack_is_told(name: str, options: dict[str, Any]) -> None:
    connected = ConnectOptions(servers=["nats://n1:4222"], **options)
    place = place_of(connected, NO_CONTEXT, ConnectOptions(), None)
    assert place.without == (name,) and SECRET not in repr(place)
    found = find_place(place, launch())
    assert "saved without its" in found.problem and SECRET not in found.problem
    # Whoever gives natstui the same secret for the same server again need not be asked.
    again = find_place(place, launch(servers=["nats://n1:4222"], **options))
    if name != "password":
        assert again.problem == "" and again.options.servers == ("nats://n1:4222",)


def test_credentials_go_to_the_servers_that_they_were_given_for_and_nowhere_else() -> None:
    started = launch(servers=["nats://mine:4222"], user="ann", password=SECRET, root_certificates="/ca.pem")
    elsewhere = find_place(Place("", ("nats://elsewhere:4222",)), started)
    assert elsewhere.problem == "" and elsewhere.options.servers == ("nats://elsewhere:4222",)
    assert elsewhere.options.user is None and elsewhere.options.root_certificates is None
    assert all(getattr(elsewhere.options, name) is None for name in SECRETS)
    both = find_place(Place("", ("nats://mine:4222", "nats://elsewhere:4222")), started)
    assert both.options.password is None
    mine = find_place(Place("", ("nats://mine:4222",)), started)
    assert mine.options == started.options


def test_a_missing_context_says_which_and_where_natstui_looked(own_environment: Path) -> None:
    found = find_place(Place("prod-east"), launch())
    assert "'prod-east'" in found.problem and "~/config/nats/context" in found.problem
    assert found.label.name == "prod-east"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "evil.json", "a/b"])
def test_a_context_is_never_a_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil.json").write_text('{"url": "nats://evil:4222"}')
    monkeypatch.chdir(tmp_path)
    assert "there is no nats context" in find_place(Place(name), launch()).problem.lower()


def test_what_the_settings_forbid_on_a_context_no_workspace_allows(staging: Path) -> None:
    settings = Settings(contexts={"stag*": ContextRule(read_only=True)})
    assert find_place(Place("staging"), launch(settings=settings)).options.read_only
    assert find_place(Place("staging", (), {"read_only": False}), launch(settings=settings)).options.read_only
    assert find_place(Place("", ("nats://n1:4222",)), launch(settings=Settings(read_only=True))).options.read_only


def test_a_value_that_cannot_work_is_one_sentence() -> None:
    found = find_place(Place("", ("nats://n1:4222",), {"ping_interval": "soon"}), launch())
    assert "ping_interval" in found.problem and "\n" not in found.problem


def test_a_hosted_session_stays_with_what_it_was_given(staging: Path, tmp_path: Path) -> None:
    started = launch("given", servers=["nats://mine:4222"], token=SECRET)
    confinement = Confinement(tmp_path, started.options)

    def problem(place: Place) -> str:
        return find_place(place, started, confinement=confinement).problem

    assert problem(Place("given")) == "" and problem(Place("", ("nats://mine:4222",))) == ""
    assert "not one that this hosted session was given" in problem(Place("staging"))
    assert "reads no file" in problem(Place("", ("nats://mine:4222",), {"root_certificates": Path("/etc/x.pem")}))
    assert "reads no file" in problem(Place("", ("nats://other:4222",), {"credentials_file": Path("/etc/x")}))
