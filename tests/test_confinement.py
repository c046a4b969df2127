"""A hosted session reads and writes nothing but its own, and takes no credentials elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from natstui.app import NatstuiApp
from natstui.cli import main
from natstui.confinement import LONGEST_NAME, MOST_SAVED_BYTES, MOST_SAVED_FILES, Confined, Confinement
from natstui.connection.options import ConnectOptions
from natstui.screens.connect import ConnectDialog
from natstui.screens.first_start import FirstStart
from natstui.screens.message_detail import MessageDetail
from natstui.settings_sources import SettingsError, load_settings
from natstui.widgets.field import Field
from natstui.widgets.notice import Notice
from tests.dashboards import SIZE, make_app, screen_text, subscribe_panel, until_connected
from tests.servers import NatsServer
from tests.waiting import until

NOWHERE = "nats://127.0.0.1:9"


def confinement(directory: Path, **options: Any) -> Confinement:
    return Confinement(directory, ConnectOptions(**options))


# Files


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "/etc/passwd",
        "../up",
        "a/b",
        "..",
        ".",
        ".profile",
        "~",
        "~/x",
        "~root/x",
        "a\\b",
        "a\nb",
        "a\0b",
        "\x1b]",
    ],
)
def test_only_a_plain_name_is_a_place_to_save(tmp_path: Path, name: str) -> None:
    with pytest.raises(Confined) as refusal:
        confinement(tmp_path).place(name)
    assert str(refusal.value).isprintable() and "file name" in str(refusal.value)


def test_what_is_saved_is_in_a_directory_that_only_its_owner_reads(tmp_path: Path) -> None:
    place = confinement(tmp_path / "state").place(" orders.new 1.json ")
    assert place == tmp_path / "state" / "saved" / "orders.new 1.json"
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_a_name_too_long_for_a_file_system_is_refused(tmp_path: Path) -> None:
    assert confinement(tmp_path).place("ü" * (LONGEST_NAME // 2))
    with pytest.raises(Confined, match="too long"):
        confinement(tmp_path).place("ü" * (LONGEST_NAME // 2) + "x")


def test_a_full_directory_takes_no_more(tmp_path: Path) -> None:
    bounds = confinement(tmp_path)
    with bounds.place("large").open("wb") as file:
        os.truncate(file.fileno(), MOST_SAVED_BYTES)
    with pytest.raises(Confined, match="no room"):
        bounds.place("another")


def test_there_is_a_bound_on_the_number_of_files_too(tmp_path: Path) -> None:
    bounds = confinement(tmp_path)
    first = bounds.place("0")
    for number in range(MOST_SAVED_FILES):
        (first.parent / str(number)).touch()
    with pytest.raises(Confined, match="no room"):
        bounds.place("another")


# Connections


@pytest.mark.parametrize("name", ["credentials_file", "root_certificates", "client_certificate", "client_key"])
def test_no_file_is_read_but_those_that_were_given(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "of-somebody-else"
    given = {"client_certificate": tmp_path / "crt", "client_key": tmp_path / "key"} if "client" in name else {}
    given[name] = tmp_path / "given"
    bounds, options = confinement(tmp_path, **given), ConnectOptions(**given)
    with pytest.raises(Confined, match="reads no file"):
        bounds.check(options, {name: str(secret)})
    bounds.check(options, {name: str(given[name])})


def test_files_that_were_given_can_be_given_up(tmp_path: Path) -> None:
    options = ConnectOptions(credentials_file=tmp_path / "given.creds")
    Confinement(tmp_path, options).check(options, {"credentials_file": None})


SECRETS: list[dict[str, Any]] = [
    {"user": "ann", "password": "s3cret"},
    {"token": "s3cret"},
    {"servers": "nats://ann:s3cret@127.0.0.1:4222"},
    {"servers": "nats://s3cret@127.0.0.1:4222"},
    {"nkey_seed": SecretStr("SUAGC3DPZ2DQ4H3EXOAMTO5YVXNZ7HDRHQ5GHTQ7DPCDPSVCA2H4PSSUOU")},
    {"credentials_file": Path("/given.creds")},
    {"credentials_file": "/given.creds"},
    {"client_certificate": Path("/crt"), "client_key": Path("/key")},
    {"jwt": "s3cret", "sign_callback": lambda nonce: b""},
]


@pytest.mark.parametrize("given", SECRETS, ids=lambda given: "+".join(given))
def test_given_credentials_go_to_the_given_servers_only(tmp_path: Path, given: dict[str, Any]) -> None:
    options = ConnectOptions(**given)
    bounds = Confinement(tmp_path, options)
    bounds.check(options, {"ping_interval": "5s"})
    with pytest.raises(Confined) as refusal:
        bounds.check(options, {"servers": "nats://elsewhere:4222"})
    assert "s3cret" not in str(refusal.value)
    with pytest.raises(Confined):
        bounds.check(options, {"servers": f"{options.servers[0]}, nats://elsewhere:4222"})


def test_naming_the_given_file_anew_does_not_take_it_elsewhere(tmp_path: Path) -> None:
    options = ConnectOptions(credentials_file=tmp_path / "given.creds")
    with pytest.raises(Confined, match="for another server"):
        Confinement(tmp_path, options).check(
            options, {"servers": "nats://elsewhere:4222", "credentials_file": str(tmp_path / "given.creds")}
        )


def test_ones_own_credentials_go_anywhere(tmp_path: Path) -> None:
    options = ConnectOptions(token="s3cret")
    bounds = Confinement(tmp_path, options)
    bounds.check(options, {"servers": "nats://elsewhere:4222", "token": "mine"})
    bounds.check(options, {"servers": "nats://elsewhere:4222", "token": None})
    bounds.check(options, {"servers": "nats://elsewhere:4222", "token": None, "user": "me", "password": "mine"})


# The dashboard


def _set(app: NatstuiApp, name: str, value: str) -> None:
    app.screen.query_one(f"#{name}", Field).value = value


def _named(directory: Path, name: str) -> list[Path]:
    return list(directory.rglob(name))


async def test_the_connect_dialog_refuses_files_and_goes_on(nats_server: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "other.creds").write_text("somebody else's")
    app = make_app(nats_server.url, "publish", hosted=True)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        await pilot.press("f10")
        await until(lambda: isinstance(app.screen, ConnectDialog))
        _set(app, "credentials_file", str(tmp_path / "other.creds"))
        await pilot.press("f5")
        notice = app.screen.query_one(Notice)
        await until(lambda: "reads no file" in notice.sentence)
        _set(app, "credentials_file", "")
        _set(app, "credentials", str(tmp_path / "other.creds"))
        notice.clear()
        await pilot.press("f5")
        await until(lambda: "paste the text instead" in notice.sentence)
        _set(app, "credentials", "")
        _set(app, "name", "renamed")
        await pilot.press("f5")
        await until(lambda: [one["name"] for one in nats_server.connections()] == ["renamed"])


async def test_a_payload_is_saved_where_it_belongs_or_not_at_all(
    nats_server: NatsServer, tmp_path: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app(nats_server.url, "subscribe:>", hosted=True)
    async with app.run_test(size=SIZE) as pilot:
        await until_connected(app)
        subscribe_panel(app).ring.extend([(b"a.b", b"", b'{"saved": true}', b"")])
        app.drain()
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, MessageDetail))
        await pilot.press("s")
        for name in (str(tmp_path / "out"), "../out", "~/out"):
            _set(app, "save-as", name)
            await pilot.press("enter")
            await until(lambda: "plain file name" in screen_text(app))
            app.screen.query_one("#save-as", Field).focus()
        _set(app, "save-as", "out.json")
        await pilot.press("enter")
        saved = own_environment / "state" / "natstui" / "saved" / "out.json"
        await until(saved.exists)
        assert saved.read_text() == '{"saved": true}'
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert not _named(tmp_path, "out")


async def test_a_screenshot_goes_to_the_same_place(nats_server: NatsServer, own_environment: Path) -> None:
    app = make_app(nats_server.url, "publish", hosted=True)
    async with app.run_test(size=SIZE):
        await until_connected(app)
        (take,) = (command for command in app.get_system_commands(app.screen) if command.title == "Screenshot")
        take.callback()
        saved = own_environment / "state" / "natstui" / "saved"
        await until(lambda: list(saved.glob("*.svg")), 10)
    assert not _named(own_environment, "Downloads")


async def test_a_hosted_session_offers_no_server_of_its_own() -> None:
    app = make_app(NOWHERE, "publish", hosted=True, options={"connection_timeout": 2.0})
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: isinstance(app.screen, FirstStart), 20)
        await pilot.pause()
        text = screen_text(app)
        assert "connect elsewhere" in text and "server of your own" not in text and "embedded" not in text
        await pilot.press("e")
        assert isinstance(app.screen, FirstStart)
        app.screen.dismiss("embedded")
        await pilot.pause()
        assert not [worker for worker in app.workers if worker.group == "embedded"]


def test_demo_starts_no_server_for_a_hosted_session(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--hosted"]) == 2
    assert "starts none" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["perhaps", "17"])
def test_a_broken_hosted_setting_stops_natstui_rather_than_the_confinement(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("NATSTUI_HOSTED", value)
    with pytest.raises(SettingsError, match="NATSTUI_HOSTED"):
        load_settings({})


def test_the_command_line_confines_whatever_other_sources_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATSTUI_HOSTED", "false")
    assert load_settings({"hosted": True}).hosted
