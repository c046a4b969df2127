"""Who natstui says it is: one source decides, and no secret shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from natstui.connection.options import ConnectOptions
from natstui.settings import MASK, shown
from natstui.settings_sources import SettingsError, load_settings


@pytest.fixture
def config(own_environment: Path) -> Path:
    path = own_environment / "config" / "natstui" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def context(own_environment: Path, name: str = "prod", **values: Any) -> None:
    path = own_environment / "config" / "nats" / "context" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def secret(value: Any) -> str:
    assert isinstance(value, SecretStr)
    return value.get_secret_value()


def refusal(command_line: dict[str, Any] | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(command_line)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_secrets_show_nowhere_but_in_the_options(config: Path, own_environment: Path) -> None:
    (own_environment / "token").write_text("geheim-token\n")
    config.write_text(f'servers = ["nats://ada:geheim-url@a", "nats://b"]\ntoken_file = "{own_environment}/token"\n')
    settings = load_settings()
    listing = settings.listing()
    text = "\n".join(
        (repr(settings), str(settings), settings.model_dump_json(), repr(listing), repr(settings.provenance))
    )
    text += "\n".join(shown(name, value) for name, value, _ in listing)
    assert "geheim" not in text
    assert settings.servers == ("nats://a:4222", "nats://b:4222")
    options = settings.connect_options()
    assert secret(options.token) == "geheim-token"
    userinfo = options.pool[0][1]
    assert userinfo is not None and secret(userinfo.password) == "geheim-url"
    rows = {name: (value, origin) for name, value, origin in listing}
    assert rows["token"] == (MASK, f"file {config}")
    assert rows["servers"] == (("nats://a:4222", "nats://b:4222"), f"file {config}")


def test_credentials_in_a_url_are_listed_as_such(config: Path) -> None:
    config.write_text('servers = ["nats://ada:geheim@a"]')
    rows = {name: (value, origin) for name, value, origin in load_settings().listing()}
    assert rows["user"] == ("ada", f"file {config} (in the URL)")
    assert rows["password"] == (MASK, f"file {config} (in the URL)")


def test_secrets_come_from_files_without_their_line_break(own_environment: Path) -> None:
    (own_environment / "secret").write_text("se cret\n")
    path = own_environment / "secret"
    assert secret(load_settings({"token_file": path}).connect_options().token) == "se cret"
    options = load_settings({"user": "ada", "password_file": Path("~/secret")}).connect_options()
    assert (options.user, secret(options.password)) == ("ada", "se cret")


def test_a_secret_and_its_file_together_are_refused_but_not_from_two_sources(
    config: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_environment / "token").write_text("of-the-file")
    config.write_text(f'token_file = "{own_environment}/token"')
    monkeypatch.setenv("NATSTUI_TOKEN", "of-the-variable")
    settings = load_settings()
    assert (secret(settings.connect_options().token), settings.token_file) == ("of-the-variable", None)
    config.write_text(f'token_file = "{own_environment}/token"\ntoken = "x"')
    monkeypatch.delenv("NATSTUI_TOKEN")
    assert refusal() == f"token and token_file are both set (file {config}, line 1); keep one of them"


def test_a_user_without_a_password_is_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"user": "tok"})
    assert (settings.user, secret(settings.token), settings.provenance["token"]) == (None, "tok", "command line")
    monkeypatch.setenv("NATSTUI_PASSWORD", "p")
    settings = load_settings({"user": "ada"})
    assert (settings.user, secret(settings.password), settings.token) == ("ada", "p", None)
    monkeypatch.delenv("NATSTUI_PASSWORD")
    monkeypatch.setenv("NATS_PASSWORD", "q")
    settings = load_settings({"user": "ada"})
    assert (settings.user, secret(settings.password)) == ("ada", "q")
    assert load_settings().connect_options() == ConnectOptions()


def test_a_password_without_a_user_does_not_push_a_token_aside(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('token = "t"')
    monkeypatch.setenv("NATS_PASSWORD", "q")
    options = load_settings().connect_options()
    assert (secret(options.token), options.password) == ("t", None)


def test_a_user_on_the_command_line_is_a_token_beside_a_context_with_a_password(own_environment: Path) -> None:
    context(own_environment, user="ada", password="old")
    settings = load_settings({"user": "tok", "context": "prod"})
    assert (settings.user, settings.password, secret(settings.token)) == (None, None, "tok")


@pytest.mark.parametrize(
    ("command_line", "kept"),
    [
        ({"token_file": "token"}, {"token"}),
        ({"credentials_file": "/a.creds"}, {"credentials_file"}),
        ({"servers": ["nats://bob:hush@other"]}, {"user", "password"}),
        ({"servers": ["nats://other"]}, {"jwt", "nkey_seed"}),
        ({}, {"jwt", "nkey_seed"}),
    ],
)
def test_one_source_decides_how_to_authenticate(
    config: Path, own_environment: Path, command_line: dict[str, Any], kept: set[str]
) -> None:
    (own_environment / "token").write_text("t")
    if "token_file" in command_line:
        command_line = {"token_file": own_environment / "token"}
    context(own_environment, url="nats://eve:dropped@prod", user_jwt="eyJ", user_seed="SUA")
    config.write_text('user = "ada"\npassword = "p"')
    options = load_settings({"context": "prod", **command_line}).connect_options()
    names = ("token", "user", "password", "jwt", "nkey_seed", "credentials_file", "credentials")
    assert {name for name in names if getattr(options, name) is not None} - ({"user", "password"} - kept) == kept
    if "servers" not in command_line and command_line:
        assert [userinfo for _, userinfo in options.pool] == [None]


def test_a_context_in_force_replaces_the_file_s_servers_and_credentials(config: Path, own_environment: Path) -> None:
    config.write_text('servers = "nats://file"\nuser = "ada"\npassword = "p"\nping_interval = 5\n')
    context(own_environment, url="nats://prod")
    options = load_settings({"context": "prod"}).connect_options()
    assert (options.servers, options.user, options.ping_interval) == (("nats://prod:4222",), None, 5.0)
    assert load_settings().connect_options().user == "ada"


def test_a_bearer_jwt_needs_no_seed(config: Path) -> None:
    config.write_text('jwt = "eyJ"')
    options = load_settings().connect_options()
    assert secret(options.jwt) == "eyJ"
    assert options.sign_callback is not None
