"""Workspaces in the dashboard: saved as it changes, restored whole, harmless to what others wrote."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from natstui.app import NatstuiApp
from natstui.cli import with_what_is_saved
from natstui.connection.options import ConnectOptions
from natstui.drafts import MARK
from natstui.event_log import state_directory
from natstui.launch import Launch, parse_panel
from natstui.panels.publish import PublishPanel
from natstui.panels.request import RequestPanel
from natstui.screens.confirm import Confirm
from natstui.screens.workspaces import OpenWorkspace, SaveWorkspace
from natstui.session import session_path
from natstui.settings import Settings
from natstui.widgets.arrangement import Layout
from natstui.widgets.choice import Choice
from natstui.widgets.field import Field
from natstui.workspace_files import workspace_directory
from tests.dashboards import (
    SIZE,
    fill,
    notice,
    publish_panel,
    request_panel,
    screen_text,
    strip,
    subscribe_panel,
    until_connected,
)
from tests.servers import NatsServer
from tests.waiting import until


def make_app(
    url: str, *panels: str, workspace: str | None = None, options: dict[str, Any] | None = None, **settings: Any
) -> NatstuiApp:
    """A dashboard as the command line starts it."""
    connect = ConnectOptions(servers=[url], **(options or {}))
    launch = Launch(Settings(**settings), connect, tuple(parse_panel(panel) for panel in panels))
    return NatstuiApp(with_what_is_saved(launch, workspace))


def seconds(app: NatstuiApp, count: int = 4) -> None:
    """Let time pass for the autosave."""
    for _ in range(count):
        app.keeper.tick()


def files_in(directory: Path, but: Path) -> list[Path]:
    """Every file of a directory, but those directly in another."""
    return [path for path in directory.rglob("*") if path.is_file() and path.parent != but]


async def until_saved(app: NatstuiApp, words: str) -> None:
    """Wait until a file says something."""

    def is_there() -> bool:
        app.keeper.tick()
        path = app.keeper.file and app.keeper.file.path
        return bool(path and path.exists() and words in path.read_text())

    await until(is_there, 10, f"{words!r} is saved")


async def leave(app: NatstuiApp, pilot: Pilot[Any]) -> None:
    await pilot.press("ctrl+q")
    await until(lambda: not app.is_running, 10)


async def arrange(app: NatstuiApp, pilot: Pilot[Any]) -> None:
    """What an operator sets up."""
    await until_connected(app)
    subscribe, publish, request = subscribe_panel(app), publish_panel(app, 2), request_panel(app, 3)
    await fill(pilot, subscribe, "subjects", "orders.> metrics.*")
    await fill(pilot, subscribe, "queue", "workers")
    await pilot.press("enter")
    await until(lambda: len(subscribe._taken) == 2)
    await pilot.press("c", "slash", *"new", "tab")
    await fill(pilot, publish, "subject", "orders.new")
    await fill(pilot, publish, "reply", "answers")
    await fill(pilot, publish, "count", "5")
    await fill(pilot, publish, "interval", "250ms")
    publish.composer.load("Nats-Msg-Id: 77", '{\n  "id": 77\n}')
    await fill(pilot, request, "subject", "svc.echo")
    await fill(pilot, request, "timeout", "500ms")
    request.query_one("#mode", Choice).value = "many"
    await fill(pilot, request, "most", "3")
    request.composer.load("", "ping")
    await pilot.press("f9", "f9", "f6", "f6", "f7")
    await pilot.pause()


def check_arranged(app: NatstuiApp) -> None:
    kinds = [panel.KIND for panel in app.dashboard.panels]
    assert kinds == ["publish", "subscribe", "request"]
    publish, subscribe, request = publish_panel(app), subscribe_panel(app, 2), request_panel(app, 3)
    assert subscribe._wanted.subjects == ("orders.>", "metrics.*") and subscribe._wanted.queue == "workers"
    assert [column.key for column in subscribe.messages.columns] == ["time", "subject", "size", "payload"]
    assert subscribe.messages.filter is not None and not subscribe.messages.filtering
    assert publish.draft.subject == "orders.new" and publish.draft.reply == "answers"
    assert publish.draft.headers == "Nats-Msg-Id: 77" and publish.draft.payload == '{\n  "id": 77\n}'
    assert publish.query_one("#count", Field).text == "5" and publish.query_one("#interval", Field).text == "250ms"
    assert request.query_one("#timeout", Field).text == "500ms" and request.query_one("#mode", Choice).value == "many"
    assert request.query_one("#most", Field).text == "3" and request.query_one(".most-field").display
    assert request.composer.payload == b"ping"
    assert app.dashboard.grid.panel_layout is Layout.ROWS and app.dashboard.current is publish


@pytest.mark.parametrize("workspace", [None, "ops", "FILE"])
async def test_all_that_was_set_up_is_there_again(
    nats_server: NatsServer, tmp_path: Path, workspace: str | None
) -> None:
    word = str(tmp_path / "ops.toml") if workspace == "FILE" else workspace
    app = make_app(nats_server.url, workspace=word)
    async with app.run_test(size=SIZE) as pilot:
        await arrange(app, pilot)
        await leave(app, pilot)
    again = make_app(nats_server.url, workspace=word)
    async with again.run_test(size=SIZE) as pilot:
        await until_connected(again)
        await pilot.pause()
        check_arranged(again)
        # Being opened is no change.
        path = again.keeper.file and again.keeper.file.path
        assert path is not None
        before = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        await leave(again, pilot)
    assert path.read_bytes() == before


async def test_what_changes_is_saved_by_itself_after_a_pause(nats_server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "ops.toml"
    app = make_app(nats_server.url, "publish:orders.new", workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.pause()
        seconds(app, 20)
        await pilot.pause()
        assert not path.exists(), "a start alone is nothing to save"
        publish_panel(app).composer.load("", "first")
        await until_saved(app, "first")
        # Whoever goes on typing is saved all the same after a while.
        for number in range(11):
            publish_panel(app).composer.load("", f"typing {number}")
            await pilot.pause()
            app.keeper.tick()
        await until(lambda: "typing" in path.read_text())
        assert nats_server.url in path.read_text()


async def test_what_is_restored_is_that_of_the_same_servers(
    nats_server: NatsServer, nats_server_factory: Callable[..., NatsServer]
) -> None:
    app = make_app(nats_server.url)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await fill(pilot, subscribe_panel(app), "subjects", "mine")
        await pilot.press("enter")
        await leave(app, pilot)
    other = make_app(nats_server_factory().url)
    async with other.run_test(size=SIZE) as pilot:
        await until_connected(other)
        assert subscribe_panel(other).subject_words == ""
        await leave(other, pilot)
    # Panels that the command line names are all that is opened, and nothing of it is saved.
    exact = make_app(nats_server.url, "publish:a")
    async with exact.run_test(size=SIZE) as pilot:
        await until_connected(exact)
        assert [panel.KIND for panel in exact.dashboard.panels] == ["publish"]
        publish_panel(exact).composer.load("", "one-off")
        await pilot.pause()
        await leave(exact, pilot)
    files = list((state_directory() / "sessions").iterdir())
    assert len(files) == 1 and "mine" in files[0].read_text() and "one-off" not in files[0].read_text()
    # A last session says nothing of where to connect: settings do.
    assert nats_server.url not in files[0].read_text()


async def test_autosave_switched_off_saves_and_restores_nothing(nats_server: NatsServer, tmp_path: Path) -> None:
    app = make_app(nats_server.url, autosave=False)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish_panel(app, 2).composer.load("", "unsaved")
        await pilot.pause()
        seconds(app, 20)
        await leave(app, pilot)
    assert not (state_directory() / "sessions").exists()
    path = tmp_path / "ops.toml"
    named = make_app(nats_server.url, workspace=str(path), autosave=False)
    async with named.run_test(size=SIZE) as pilot:
        await until_connected(named)
        publish_panel(named, 2).composer.load("", "asked for")
        seconds(named, 20)
        assert not path.exists()
        await pilot.press("ctrl+g")
        await until(lambda: path.exists() and "asked for" in path.read_text())
        await leave(named, pilot)


async def test_no_secret_is_written_whatever_is_saved(
    nats_server_factory: Callable[..., NatsServer], tmp_path: Path, own_environment: Path
) -> None:
    token, password, header, member = "tok-9f3e1", "pw-7c2d4", "hdr-5b1a8", "mem-3e6f0"
    server = nats_server_factory(token=token)
    other = nats_server_factory(user="ann", password=password)
    contexts = own_environment / "config" / "nats" / "context"
    contexts.mkdir(parents=True)
    (contexts / "other.json").write_text(json.dumps({"url": other.url, "user": "ann", "password": password}))
    path = tmp_path / "ops.toml"
    app = make_app(server.url, workspace=str(path), options={"token": token})
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish, request = publish_panel(app, 2), request_panel(app, 3)
        in_url = other.url.replace("nats://", f"nats://ann:{password}@")
        app.dashboard.connections.change(request, ConnectOptions(servers=[in_url]), request.context)
        await fill(pilot, publish, "subject", "orders.new")
        publish.composer.load(
            f"Authorization: Bearer {header}\nX-Kind: order", json.dumps({"id": 77, "api_key": member, "by": token})
        )
        request.composer.load("", f"say {password}")
        await until_saved(app, "orders.new")
        await until_saved(app, "X-Kind: order")
        text = path.read_text()
        for secret in (token, password, header, member):
            assert secret not in text
        assert "Authorization: " + MARK in text and '"id": 77' in text and '"token",' in text
        # What is on the screen stays whole.
        assert header in publish.draft.headers and member in publish.draft.payload
        await leave(app, pilot)
    for secret in (token, password, header, member):
        assert not any(secret.encode() in one.read_bytes() for one in (*files_in(own_environment, contexts), path))
    again = make_app(server.url, workspace=str(path), options={"token": token})
    async with again.run_test(size=SIZE) as pilot:
        publish, request = publish_panel(again, 2), request_panel(again, 3)
        await until(lambda: "saved without its password" in notice(request))
        await until(lambda: publish.connection is not None and publish.connection.stats().is_connected, 10)
        publish.send(publish.draft)
        assert publish.run is None and MARK in notice(publish)
        publish.load(publish.draft.__class__("orders.new", "", "X-Kind: order", "{}"))
        publish.send(publish.draft)
        assert publish.run is not None
        await leave(again, pilot)


async def test_drafts_are_left_out_where_the_settings_say_so(nats_server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "ops.toml"
    path.write_text('[[panels]]\nkind = "publish"\nsubject = "a"\npayload = "as it was"\n')
    app = make_app(nats_server.url, workspace=str(path), save_drafts=False)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        assert publish_panel(app).draft.payload == "as it was"
        await fill(pilot, publish_panel(app), "subject", "another")
        publish_panel(app).composer.load("X: private", "private")
        await until_saved(app, "another")
        assert "private" not in path.read_text() and "as it was" in path.read_text()
        await leave(app, pilot)


MISSING = """\
layout = "grid"

[[panels]]
kind = "subscribe"
subjects = ["orders.>"]
context = "prod-east"

[[panels]]
kind = "publish"
subject = "orders.new"
"""


async def test_a_missing_context_is_told_in_its_panel_and_the_rest_opens(
    nats_server: NatsServer, tmp_path: Path, own_environment: Path
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text(MISSING)
    app = make_app(nats_server.url, workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        panel, publish = subscribe_panel(app), publish_panel(app, 2)
        await until(lambda: publish.connection is not None and publish.connection.stats().is_connected, 10)
        for words in ("prod-east", "~/config/nats/context", "F10", "^t", "r looks again"):
            assert words in notice(panel)
        assert "not connected" in strip(panel) and panel.connection is None and "prod-east" in screen_text(app)
        # Neither subscribing nor anything else that changes makes the name go.
        await fill(pilot, panel, "subjects", "orders.new")
        await pilot.press("enter")
        await until_saved(app, '"orders.new",')
        assert 'context = "prod-east"' in path.read_text() and "prod-east" in notice(panel)
        contexts = own_environment / "config" / "nats" / "context"
        contexts.mkdir(parents=True)
        (contexts / "prod-east.json").write_text(json.dumps({"url": nats_server.url}))
        await pilot.press("r")
        await until_connected(app)
        assert notice(panel) == "" and panel.context.name == "prod-east" and "● connected" in strip(panel)
        await leave(app, pilot)
    assert path.read_text().count("context") == 1


async def test_another_connection_mends_a_panel_whose_context_is_missing(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text(MISSING)
    app = make_app(nats_server.url, workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        panel = subscribe_panel(app)
        await until(lambda: "prod-east" in notice(panel))
        panel.focus_inside()
        await pilot.press("f10")
        await until(lambda: app.screen is not app.dashboard)
        app.screen.query_one("#servers", Field).value = nats_server.url
        await pilot.press("f5")
        await until(lambda: app.screen is app.dashboard, 10)
        await until_connected(app)
        assert notice(panel) == ""
        await leave(app, pilot)
    assert "prod-east" not in path.read_text()


async def test_a_workspace_on_a_missing_context_connects_nowhere_else(nats_server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "ops.toml"
    path.write_text('[connection]\ncontext = "gone"\n\n[[panels]]\nkind = "publish"\n')
    app = make_app(nats_server.url, workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: "'gone'" in notice(publish_panel(app)))
        await fill(pilot, publish_panel(app), "subject", "a")
        await pilot.press("f5")
        assert publish_panel(app).run is None and "'gone'" in notice(publish_panel(app))
        await until_saved(app, 'subject = "a"')
        assert nats_server.connections() == [] and 'context = "gone"' in path.read_text()
        await leave(app, pilot)


async def test_the_command_line_says_where_to_connect_and_the_file_keeps_what_it_says(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text('[connection]\nservers = ["nats://127.0.0.1:1"]\n\n' + MISSING.replace('layout = "grid"\n', ""))
    connect = ConnectOptions(servers=[nats_server.url])
    settings = Settings(servers=[nats_server.url])
    settings._provenance = {"servers": "command line"}
    app = NatstuiApp(with_what_is_saved(Launch(settings, connect, ()), str(path)))
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await fill(pilot, publish_panel(app, 2), "subject", "changed")
        await until_saved(app, "changed")
        assert "nats://127.0.0.1:1" in path.read_text() and 'context = "prod-east"' in path.read_text()
        assert nats_server.url not in path.read_text()
        await leave(app, pilot)


async def test_a_file_that_someone_else_changed_is_not_overwritten_unasked(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text('[[panels]]\nkind = "publish"\nsubject = "a"\n')
    app = make_app(nats_server.url, workspace=str(path))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until_connected(app)
        theirs = path.read_text() + '\n[[panels]]\nkind = "request"\n'
        path.write_text(theirs)
        await fill(pilot, publish_panel(app), "subject", "mine")

        def told() -> bool:
            app.keeper.tick()
            return any("someone else" in one.message for one in app._notifications)

        await until(told, 10)
        seconds(app, 20)
        await pilot.pause()
        assert path.read_text() == theirs
        await pilot.press("ctrl+g")
        await until(lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        assert path.read_text() == theirs
        await pilot.press("ctrl+g")
        await until(lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        await until(lambda: "mine" in path.read_text())
        # From then on it is saved by itself again.
        publish_panel(app).composer.load("", "and on")
        await until_saved(app, "and on")
        await leave(app, pilot)


async def test_a_workspace_is_saved_under_a_name_and_opened_again_by_keys(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+g")
        await until(lambda: isinstance(app.screen, SaveWorkspace))
        await pilot.press(*"night", "enter")
        path = workspace_directory() / "night.toml"
        await until(lambda: path.exists() and "orders.>" in path.read_text())
        await until(lambda: app.keeper.name == "night")
        other = workspace_directory() / "other.toml"
        other.write_text('layout = "rows"\nfocused = 2\n[[panels]]\nkind = "request"\n[[panels]]\nkind = "publish"\n')
        (workspace_directory() / "broken.toml").write_text("layout = \n")
        await pilot.press("ctrl+o")
        await until(lambda: isinstance(app.screen, OpenWorkspace))
        for words in ("● night", "✕", "line 1", "2 panels"):
            await until(lambda words=words: words in screen_text(app))
        await pilot.press("down", "down", "enter")
        await until(lambda: [panel.KIND for panel in app.dashboard.panels] == ["request", "publish"])
        await until_connected(app)
        await until(lambda: isinstance(app.dashboard.current, PublishPanel))
        assert app.keeper.name == "other" and app.dashboard.grid.panel_layout is Layout.ROWS
        await until(lambda: len(nats_server.connections()) == 2)
        await leave(app, pilot)
    assert "orders.>" in path.read_text()


async def test_saving_over_another_workspace_is_asked(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "publish:a")
    taken = workspace_directory() / "taken.toml"
    taken.parent.mkdir(parents=True)
    taken.write_text('# Precious.\n[[panels]]\nkind = "request"\n')
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("ctrl+g", *"taken", "enter")
        await pilot.pause()
        assert isinstance(app.screen, SaveWorkspace) and "request" in taken.read_text()
        await pilot.press("enter")
        await until(lambda: 'kind = "publish"' in taken.read_text())
        assert taken.read_text().startswith("# Precious.")
        await leave(app, pilot)


async def test_opening_another_asks_where_something_would_be_lost(nats_server: NatsServer) -> None:
    path = workspace_directory() / "x.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[[panels]]\nkind = "request"\n')
    app = make_app(nats_server.url, "publish:a")
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish_panel(app).composer.load("", "not saved anywhere")
        await pilot.press("ctrl+o", "enter")
        await until(lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        assert publish_panel(app).draft.payload == "not saved anywhere"
        await pilot.press("ctrl+o", "enter")
        await until(lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        await until(lambda: isinstance(app.dashboard.panels[0], RequestPanel))
        await leave(app, pilot)


async def test_a_broken_last_session_is_told_and_left_as_it_is(nats_server: NatsServer) -> None:
    launch = Launch(Settings(), ConnectOptions(servers=[nats_server.url]), ())
    path = session_path(launch)
    path.parent.mkdir(parents=True)
    path.write_text("layout = \n")
    app = NatstuiApp(with_what_is_saved(launch, None))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until_connected(app)
        assert len(app.dashboard.panels) == 3
        told = next(one.message for one in app._notifications)
        assert "line 1" in told and "not saved" in told
        publish_panel(app, 2).composer.load("", "x")
        await pilot.pause()
        seconds(app, 20)
        await leave(app, pilot)
    assert path.read_text() == "layout = \n"


async def test_a_hosted_session_writes_into_its_own_directory_only(nats_server: NatsServer, tmp_path: Path) -> None:
    outside = tmp_path / "given.toml"
    outside.write_text('[[panels]]\nkind = "publish"\nsubject = "a"\n')
    before = outside.read_bytes()
    app = make_app(nats_server.url, workspace=str(outside), hosted=True)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await fill(pilot, publish_panel(app), "subject", "changed")
        seconds(app, 20)
        await pilot.press("ctrl+g")
        await until(lambda: isinstance(app.screen, SaveWorkspace))
        for word in ("../escape", "/tmp/escape.toml", "~/escape.toml"):
            app.screen.query_one(Field).value = word
            await pilot.press("enter")
            await until(lambda: "own directory only" in screen_text(app))
        app.screen.query_one(Field).value = "mine"
        await pilot.press("enter")
        saved = state_directory() / "saved" / "mine.toml"
        await until(lambda: saved.exists() and "changed" in saved.read_text())
        await pilot.press("ctrl+o")
        await until(lambda: isinstance(app.screen, OpenWorkspace))
        await until(lambda: "mine" in screen_text(app))
        assert not app.screen.query(Field)
        await pilot.press("escape")
        await leave(app, pilot)
    assert outside.read_bytes() == before
    assert not workspace_directory().exists()
