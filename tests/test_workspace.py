"""Workspaces as TOML: what is written is read again, and what cannot be read is told with its line."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natstui.launch import MOST_PANELS, PanelSpec
from natstui.places import Place
from natstui.workspace import Workspace, WorkspaceError
from natstui.workspace_files import (
    ChangedOnDisk,
    HoldsComments,
    WorkspaceFile,
    list_workspaces,
    workspace_directory,
    workspace_path,
)
from natstui.workspace_reader import parse_workspace
from natstui.workspace_writer import write_workspace

OPS = """\
# The night shift.
version = 1
layout = "rows"
zoomed = true
focused = 2

[connection]
context = "prod"

[[panels]]
kind = "subscribe"
subjects = ["orders.>", "metrics.*"]
queue = "workers"
filter = ".order.total > 100"
find = true
columns = ["time", "subject:30"]

[[panels]]
kind = "publish"
subject = "orders.new"
reply = "answers"
headers = ["Nats-Msg-Id: 77"]
payload = '{"id": 77}'
count = 5
every = "250ms"
context = "staging"

[panels.options]
ping_interval = "5s"
credentials_file = "staging.creds"

[[panels]]
kind = "request"
subject = "svc.echo"
timeout = "500ms"
replies = "many"
at_most = 3
servers = ["nats://n1:4222"]
without = ["token"]
"""


def parse(text: str) -> Workspace:
    return parse_workspace(text, "ops.toml", Path("/repo"))


def shape(workspace: Workspace) -> Any:
    """What matters of a workspace: durations and paths may be written in several ways."""
    return [
        workspace.layout,
        workspace.is_zoomed,
        workspace.focused,
        workspace.connection,
        [
            (panel.kind, panel.place and (panel.place.context, panel.place.servers), panel.saved)
            for panel in workspace.panels
        ],
    ]


def test_everything_that_is_written_is_read() -> None:
    workspace = parse(OPS)
    assert (workspace.layout, workspace.is_zoomed, workspace.focused) == ("rows", True, 2)
    assert workspace.connection == Place("prod") and workspace.warnings == ()
    subscribe, publish, request = workspace.panels
    assert (subscribe.kind, subscribe.argument, subscribe.queue) == ("subscribe", "orders.> metrics.*", "workers")
    assert subscribe.saved["columns"] == ("time", "subject:30") and subscribe.saved["find"] is True
    assert publish.saved["headers"] == ("Nats-Msg-Id: 77",) and publish.saved["count"] == "5"
    assert publish.place == Place(
        "staging", (), {"ping_interval": 5.0, "credentials_file": Path("/repo/staging.creds")}
    )
    assert request.saved["at_most"] == "3" and request.place == Place("", ("nats://n1:4222",), {}, ("token",))


def test_writing_is_stable_and_reads_back_the_same() -> None:
    workspace = parse(OPS)
    text = write_workspace(workspace, Path("/repo"))
    assert shape(parse(text)) == shape(workspace)
    assert write_workspace(parse(text), Path("/repo")) == text
    # As people write it: a relative path, JSON without backslashes, no machine's names.
    assert 'credentials_file = "staging.creds"' in text and "'{\"id\": 77}'" in text and "/repo" not in text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60).map(lambda text: text.replace("\r", "")))
def test_any_payload_survives(payload: str, header: str) -> None:
    saved = {"payload": payload, "headers": tuple(header.split("\n"))}
    text = write_workspace(Workspace((PanelSpec("publish", saved=saved),)), Path("/repo"))
    expected = {name: value for name, value in saved.items() if value not in ("", ())}
    assert dict(parse(text).panels[0].saved) == {name: value for name, value in expected.items() if value is not None}
    tomllib.loads(text)


@pytest.mark.parametrize(
    "payload",
    [
        '{\n  "a": "",\n  "b": "\\"\\"\\"",\n  "c": "\\\\n"\n}',
        '"""',
        "'''",
        'it\'s "quoted"',
        "\\",
        "a\r\nb\r\n",
        "\x00\x1b[31m",
    ],
)
def test_awkward_payloads_survive(payload: str) -> None:
    text = write_workspace(Workspace((PanelSpec("publish", saved={"payload": payload}),)), Path("/repo"))
    assert parse(text).panels[0].saved["payload"] == payload
    assert "\x1b" not in text and "\x00" not in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('layout = "rows"', 'layout = "heap"', "line 3: layout should be one of grid, columns, rows, tabs"),
        ("version = 1", "version = true", "line 2: version"),
        ("focused = 2", "focused = 0", "line 5: focused"),
        ('context = "prod"', "", "should name a nats context"),
        ('queue = "workers"', "queue = []", "line 13: queue should be text"),
        ('subjects = ["orders.>", "metrics.*"]', 'subjects = "orders.>"', "line 12: subjects should be a list"),
        ("find = true", 'find = "yes"', "line 15: find should be true or false"),
        ('"subject:30"', '"colour"', "line 16: columns cannot be used"),
        ('filter = ".order.total > 100"', 'filter = "/(/"', "line 14: filter cannot be used"),
        ('replies = "many"', 'replies = "some"', "replies should be"),
        ('ping_interval = "5s"', 'password = "x"', "line 29: password does not belong into a workspace"),
        ('reply = "answers"', 'token = "x"', "line 21: token does not belong into a workspace"),
        ('"nats://n1:4222"', '"nats://ann:pw@n1:4222"', "servers holds credentials"),
        ('"nats://n1:4222"', '"http://n1"', "servers"),
        ('kind = "publish"', "", "kind should say the kind of panel"),
        ("focused = 2", "focused = ", "line 5, column"),
        ("[connection]", "connection = 5\n[other]", "connection should be a table"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert OPS.count(old) == 1
    with pytest.raises(WorkspaceError) as error:
        parse(OPS.replace(old, new))
    assert said in str(error.value) and str(error.value).startswith("ops.toml")
    assert "\n" not in str(error.value) and "pw" not in str(error.value)


def test_what_a_later_version_wrote_is_told_and_kept() -> None:
    more = OPS.replace("version = 1", 'version = 2\nweather = "fine"').replace('queue = "workers"', "queues = 5")
    more += '\n[[panels]]\nkind = "jetstream"\nstream = "ORDERS"\n'
    workspace = parse(more)
    told = " ".join(workspace.warnings)
    assert "later natstui (version 2)" in told and "line 3: weather is kept" in told
    assert "queues is kept and not used: did you mean queue?" in told and "'jetstream'" in told
    assert len(workspace.panels) == 3
    again = tomllib.loads(write_workspace(workspace, Path("/repo")))
    assert again["weather"] == "fine" and again["panels"][0]["queues"] == 5
    assert again["panels"][-1] == {"kind": "jetstream", "stream": "ORDERS"}


def test_panels_that_there_is_no_room_for_are_kept() -> None:
    text = "\n".join(f'[[panels]]\nkind = "subscribe"\nsubjects = ["s{number}"]' for number in range(11))
    workspace = parse(text)
    assert len(workspace.panels) == MOST_PANELS and len(workspace.warnings) == 1
    assert len(tomllib.loads(write_workspace(workspace, Path("/repo")))["panels"]) == 11


# Files


@pytest.fixture
def file(tmp_path: Path) -> WorkspaceFile:
    return WorkspaceFile(tmp_path / "ops.toml")


def one_panel(subject: str = "orders.>") -> Workspace:
    return Workspace((PanelSpec("subscribe", saved={"subjects": (subject,)}),))


def test_a_file_is_made_for_its_owner_only_and_read_again(file: WorkspaceFile) -> None:
    assert file.read() is None
    assert file.write(one_panel())
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    again = WorkspaceFile(file.path).read()
    assert again is not None and again.panels[0].argument == "orders.>"
    assert not file.write(one_panel())
    assert [path.name for path in file.path.parent.iterdir() if path.name.startswith(".natstui")] == []


def test_a_file_that_someone_else_changed_is_left_alone(file: WorkspaceFile) -> None:
    file.write(one_panel())
    theirs = file.path.read_text().replace("orders", "theirs")
    file.path.write_text(theirs)
    with pytest.raises(ChangedOnDisk):
        file.write(one_panel("mine"))
    assert file.path.read_text() == theirs
    assert file.write(one_panel("mine"), overwrites=True) and "mine" in file.path.read_text()


def test_a_file_that_someone_else_made_or_deleted_meanwhile_is_told_too(file: WorkspaceFile) -> None:
    assert file.read() is None
    file.path.write_text("# theirs\n")
    with pytest.raises(ChangedOnDisk):
        file.write(one_panel())
    file.write(one_panel(), overwrites=True)
    file.path.unlink()
    with pytest.raises(ChangedOnDisk):
        file.write(one_panel("other"))


def test_comments_at_the_top_stay_and_others_are_not_lost_without_asking(file: WorkspaceFile) -> None:
    file.path.write_text("# Ours.\n# Do not delete.\n" + OPS.replace("# The night shift.\n", ""))
    workspace = file.read()
    assert workspace is not None and file.write(one_panel())
    assert file.path.read_text().startswith("# Ours.\n# Do not delete.\n")
    file.path.write_text('layout = "rows"\n[[panels]]\nkind = "publish" # the careful one\npayload = "# no comment"\n')
    assert file.read() is not None
    before = file.path.read_text()
    with pytest.raises(HoldsComments):
        file.write(one_panel())
    assert file.path.read_text() == before
    file.path.write_text('[[panels]]\nkind = "publish"\npayload = """\n# no comment\n"""\nsubject = \'#\'\n')
    assert file.read() is not None and file.write(one_panel())


def test_a_link_stays_one_and_the_mode_of_a_shared_file_too(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text('layout = "rows"\n')
    real.chmod(0o640)
    link.symlink_to(real)
    file = WorkspaceFile(link)
    file.read()
    file.write(one_panel())
    assert link.is_symlink() and "orders" in real.read_text() and stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize("content", [b"\xff\xfe", b"layout = ", b"[[panels]]\nkind = 5", b"a = " + b"[" * 5000])
def test_a_broken_file_is_one_sentence_and_stays_as_it_is(file: WorkspaceFile, content: bytes) -> None:
    file.path.write_bytes(content)
    with pytest.raises(WorkspaceError) as error:
        file.read()
    assert "ops.toml" in str(error.value) and "\n" not in str(error.value)
    assert file.path.read_bytes() == content


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "directory.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    for name in ("directory.toml", "pipe.toml"):
        with pytest.raises(WorkspaceError, match="is no file"):
            WorkspaceFile(tmp_path / name).read()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be"):
        WorkspaceFile(tmp_path / "file" / "ops.toml").write(one_panel())


def test_names_live_beside_the_settings_and_paths_where_they_say(own_environment: Path) -> None:
    assert workspace_path("ops") == workspace_directory() / "ops.toml"
    assert workspace_directory() == own_environment / "config" / "natstui" / "workspaces"
    assert workspace_path("~/ops.toml") == own_environment / "ops.toml"
    assert workspace_path("./ops") == Path("ops") and workspace_path("ops.toml") == Path("ops.toml")
    for name in ("", " ", ".hidden", "-x", "a\x1bb", "~x"):
        with pytest.raises(WorkspaceError):
            workspace_path(name)
    assert list_workspaces() == []
    WorkspaceFile(workspace_path("b")).write(one_panel())
    WorkspaceFile(workspace_path("a")).write(one_panel())
    assert [path.stem for path in list_workspaces()] == ["a", "b"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("ping_interval = [1]", "ping_interval should be a duration"),
        ("idle_timeout = -1", "idle_timeout cannot be used: -1 is not a duration"),
        ("custom_inbox_prefix = 5", "custom_inbox_prefix should be a valid string"),
        ("local_address = 5", "local_address should be a valid string"),
        ("name = {a = 1}", "name should be a valid string"),
        ("credentials_file = 5", "credentials_file should be the path of a file"),
        ('require_tls = "maybe"', "require_tls should be a valid boolean"),
    ],
)
def test_an_option_that_is_no_such_thing_is_told_with_its_line(option: str, said: str, tmp_path: Path) -> None:
    text = f'[[panels]]\nkind = "publish"\nservers = ["nats://h"]\n[panels.options]\n{option}\n'
    with pytest.raises(WorkspaceError) as error:
        parse_workspace(text, "ops.toml", tmp_path)
    assert str(error.value).startswith(f"ops.toml, line 5: {said}")


def test_options_are_read_as_settings_are(tmp_path: Path) -> None:
    text = '[connection]\nservers = ["nats://h"]\n[connection.options]\nno_echo = "false"\nping_interval = "5s"\n'
    place = parse_workspace(text, "ops.toml", tmp_path).connection
    assert place is not None and place.options == {"no_echo": False, "ping_interval": 5.0}


def test_many_panels_and_many_unknown_keys_are_told_in_few_words(tmp_path: Path) -> None:
    panel = '[[panels]]\nkind = "publish"\nfuture = 1\n'
    workspace = parse_workspace(panel * 50, "ops.toml", tmp_path)
    assert len(workspace.panels) == MOST_PANELS and len(workspace.unopened) == 50 - MOST_PANELS
    assert len(workspace.warnings) == 4 and workspace.warnings[-1] == "ops.toml has 7 more keys or panels like these."
    workspace = parse_workspace('[[panels]]\nkind = "publish"\n' * 50, "ops.toml", tmp_path)
    assert workspace.warnings == (
        "ops.toml has 41 panels more than the 9 that there is room for: they are kept and not opened.",
    )
