"""What no workspace does: write a secret down, lead out of production, take what its owner protected."""

from __future__ import annotations

from pathlib import Path

import pytest

from natstui.app import NatstuiApp
from natstui.cli import with_what_is_saved
from natstui.connection.options import ConnectOptions
from natstui.drafts import MARK
from natstui.launch import Launch
from natstui.screens.confirm import Confirm
from natstui.screens.connect import ConnectDialog, Connecting
from natstui.settings import Settings
from tests.dashboards import (
    SIZE,
    fill,
    notice,
    publish_panel,
    screen_text,
    subscribe_panel,
    until_asked,
    until_connected,
)
from tests.servers import NatsServer
from tests.test_app_workspace import make_app, until_saved
from tests.waiting import until


async def test_secrets_of_connections_that_are_gone_are_not_written_either(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    path = tmp_path / "ops.toml"
    app = make_app(nats_server.url, "publish:orders.first-one", "subscribe:of.second-one", workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish, subscribe = publish_panel(app), subscribe_panel(app, 2)
        for password in ("first-one", "second-one"):
            app.dashboard.connections.change(
                publish, publish.options.replace(user="ann", password=password), publish.context
            )
            await until_connected(app)
        publish.composer.load("", "say first-one, then second-one")
        await until_saved(app, "say ")
        text = path.read_text()
        assert "first-one" not in text and "second-one" not in text
        # What is left is no subject.
        await fill(pilot, subscribe, "subjects", MARK)
        await pilot.press("enter")
        await until(lambda: MARK in notice(subscribe))
        assert not subscribe._taken


@pytest.mark.parametrize("table", ["[[panels]]\nkind = 'publish'\n", "[connection]\n"])
async def test_no_workspace_leads_out_of_production_by_naming_its_servers(
    nats_server: NatsServer, tmp_path: Path, table: str
) -> None:
    path = tmp_path / "ops.toml"
    panel = "" if "publish" in table else '[[panels]]\nkind = "publish"\n'
    path.write_text(f'{table}servers = ["{nats_server.url}"]\n{panel}')
    launch = Launch(
        Settings(), ConnectOptions(servers=[nats_server.url], user="ann", password="of-prod"), (), context_name="prod"
    )
    app = NatstuiApp(with_what_is_saved(launch, str(path)))
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        publish = publish_panel(app)
        assert publish.options.password is not None and publish.context.is_production
        assert "PRODUCTION prod" in screen_text(app)
        await fill(pilot, publish, "subject", "jobs")
        await pilot.press("f5")
        assert (await until_asked(app)).query("#phrase")
        await pilot.press("escape")
        # And the file says what it said before.
        await until_saved(app, 'subject = "jobs"')
        assert nats_server.url in path.read_text()


@pytest.mark.parametrize("place", ["panel", "session"])
@pytest.mark.parametrize("is_for_all", [False, True])
async def test_what_stands_in_the_dialog_of_a_panel_without_a_place_is_where_natstui_was_started(
    nats_server: NatsServer, tmp_path: Path, place: str, is_for_all: bool
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text(
        '[connection]\ncontext = "dev"\n[[panels]]\nkind = "publish"\n'
        if place == "session"
        else '[[panels]]\nkind = "publish"\ncontext = "dev"\n'
    )
    launch = Launch(Settings(), ConnectOptions(servers=[nats_server.url]), (), context_name="prod")
    app = NatstuiApp(with_what_is_saved(launch, str(path)))
    async with app.run_test(size=SIZE) as pilot:
        publish = publish_panel(app)
        await until(lambda: "dev" in notice(publish))
        changes, options = app.dashboard.connections, publish.options
        if is_for_all:
            changes.ask_to_change_all(options)
        else:
            await pilot.press("f10")
            await until(lambda: isinstance(app.screen, ConnectDialog))
            app.screen.dismiss(Connecting(options, is_for_all=False))
        await until_connected(app)
        assert publish.context.name == "prod" and publish.context.is_production


async def test_a_write_protected_workspace_is_left_alone_until_the_user_says_so(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    path = tmp_path / "ops.toml"
    path.write_text('[[panels]]\nkind = "publish"\nsubject = "a"\n')
    path.chmod(0o444)
    before = path.read_text()
    app = make_app(nats_server.url, workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await fill(pilot, publish_panel(app), "subject", "b")

        def is_told() -> bool:
            app.keeper.tick()
            return any("write-protected" in toast.message for toast in app._notifications)

        await until(is_told, 10)
        assert path.read_text() == before
        await pilot.press("ctrl+g")
        await until(lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(lambda: 'subject = "b"' in path.read_text())
        assert path.stat().st_mode & 0o777 == 0o444


async def test_what_the_end_could_not_save_is_said(nats_server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "ops.toml"
    path.write_text('[[panels]]\nkind = "publish"\nsubject = "a"\n')
    app = make_app(nats_server.url, workspace=str(path))
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        app.keeper.tick()
        path.write_text('[[panels]]\nkind = "publish"\nsubject = "of another natstui"\n')
        await fill(pilot, publish_panel(app), "subject", "b")
        await pilot.press("ctrl+q")
        await until(lambda: not app.is_running, 10)
    assert "of another natstui" in path.read_text()
    assert app.keeper.unsaved.endswith("ops.toml was changed by someone else: the last changes were not saved.")
