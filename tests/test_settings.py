"""What counts when several sources speak, and what is said when one of them is wrong."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pydantic import SecretStr

from natstui.connection.options import ConnectOptions
from natstui.settings import CONNECT_FIELDS, Settings
from natstui.settings_sources import SettingsError, load_settings, settings_file

NOT_TEXT = {
    "sign_callback",
    "auth_callback",
    "tls_client_config",
    "reconnect_delay_callback",
    "reconnect_to_server_callback",
    "event_callback",
}
SOURCES = ("command line", "NATSTUI_", "NATS_", "context", "file")
# field → a distinct value for each source, strongest first; None where the source cannot name the field
VALUES: dict[str, tuple[Any, ...]] = {
    "servers": ("nats://c:4222", "nats://e:4222", "nats://v:4222", "nats://x:4222", "nats://f:4222"),
    "request_timeout": ("1s", "2s", "3s", None, "5s"),
    "custom_inbox_prefix": ("_c", "_e", None, "_x", "_f"),
    "root_certificates": ("/c", "/e", "/v", "/x", "/f"),
    "ping_interval": ("1m", "2m", None, None, "5m"),
    "max_outstanding_pings": ("1", "2", None, None, 5),
    "idle_policy": ("hold", "close", None, None, "hold"),
    "theme": ("c", "e", None, None, "f"),
    "ring_capacity": ("1", "2", None, None, 5),
    "user": ("c", "e", None, "x", "f"),
}
IN_NATS = {
    "servers": ("NATS_URL", "url"),
    "request_timeout": ("NATS_TIMEOUT", ""),
    "custom_inbox_prefix": ("", "inbox_prefix"),
    "root_certificates": ("NATS_CA", "ca"),
    "user": ("", "user"),
}


@pytest.fixture
def config(own_environment: Path) -> Path:
    path = own_environment / "config" / "natstui" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def toml(values: dict[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


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


def test_every_option_that_can_be_text_is_a_setting_with_the_connection_s_default() -> None:
    options = {option.name: option.default for option in dataclasses.fields(ConnectOptions)}
    assert set(CONNECT_FIELDS) == options.keys() - NOT_TEXT
    settings = Settings()
    assert {name: getattr(settings, name) for name in CONNECT_FIELDS} == {
        name: options[name] for name in CONNECT_FIELDS
    }
    assert settings.connect_options() == ConnectOptions()


def test_without_any_source_all_is_default() -> None:
    settings = load_settings()
    assert settings.connect_options() == ConnectOptions()
    assert set(settings.provenance.values()) == {"default"}
    assert settings.warnings == ()


@effort(deadline=None, max_examples=60)
@given(present=st.fixed_dictionaries({name: st.frozensets(st.sampled_from(SOURCES)) for name in VALUES}))
def test_the_strongest_source_wins_field_by_field(
    tmp_path_factory: pytest.TempPathFactory, present: dict[str, frozenset[str]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    command: dict[str, Any] = {}
    variables: dict[str, str] = {"XDG_CONFIG_HOME": str(home)}
    inside: dict[str, Any] = {}
    file: dict[str, Any] = {}
    expected: dict[str, tuple[Any, str]] = {}
    for name, values in VALUES.items():
        variable, key = IN_NATS.get(name, ("", ""))
        said: list[tuple[Any, str]] = []
        for source, value in zip(SOURCES, values, strict=True):
            if source not in present[name] or value is None:
                continue
            if source == "command line":
                command[name] = [value] if name == "servers" else value
                said.append((value, "command line"))
            elif source == "NATSTUI_":
                variables[f"NATSTUI_{name.upper()}"] = value
                said.append((value, f"environment variable NATSTUI_{name.upper()}"))
            elif source == "NATS_":
                variables[variable] = value
                said.append((value, f"environment variable {variable}"))
            elif source == "context":
                inside[key] = value
                said.append((value, "context prod"))
            else:
                file[name] = value
                said.append((value, f"file {home / 'natstui' / 'config.toml'}"))
        expected[name] = said[0] if said else (None, "default")
    context_file = home / "nats" / "context" / "prod.json"
    context_file.parent.mkdir(parents=True)
    context_file.write_text(json.dumps(inside))
    (home / "nats" / "context.txt").write_text("prod")
    (home / "natstui").mkdir()
    (home / "natstui" / "config.toml").write_text(toml(file))
    with pytest.MonkeyPatch.context() as patch:
        for variable, text in variables.items():
            patch.setenv(variable, text)
        settings = load_settings(command)
    reference = Settings()
    for name, (value, origin) in expected.items():
        if name in ("user", "servers"):
            continue
        expected_value = getattr(Settings(**{name: value}), name) if value is not None else getattr(reference, name)
        assert getattr(settings, name) == expected_value, name
        assert settings.provenance[name] == origin, name
    # A context in force replaces the file's servers and user, and a user without a password is a token.
    strongest = {name: expected[name] for name in ("user", "servers")}
    for name, (_, origin) in strongest.items():
        if origin.startswith("file"):
            strongest[name] = (None, "default")
    servers, origin = strongest["servers"]
    assert settings.servers == (servers or "nats://127.0.0.1:4222",)
    assert settings.provenance["servers"] == (origin if servers else "context prod")
    user, origin = strongest["user"]
    if origin == "context prod":
        assert (settings.user, secret(settings.password)) == (user, "")
    elif user is not None:
        assert (settings.user, secret(settings.token)) == (None, user)
        assert settings.provenance["token"] == origin
    else:
        assert (settings.user, settings.token) == (None, None)


def test_the_file_alone_is_read(config: Path) -> None:
    config.write_text(
        'servers = "nats://a, nats://b"\nping_interval = "5s"\nidle_timeout = 90\nmax_reconnects = "unlimited"\n'
        'check_interval = "1m"\nread_only = true\nlog_file = "/tmp/log"\n[keymap]\nquit = ["q", "ctrl+q"]\n'
    )
    settings = load_settings()
    assert settings.servers == ("nats://a:4222", "nats://b:4222")
    assert (settings.ping_interval, settings.idle_timeout, settings.check_interval) == (5.0, 90.0, 60.0)
    assert (settings.max_reconnects, settings.read_only, settings.log_file) == (None, True, Path("/tmp/log"))
    assert settings.keymap == {"quit": "q,ctrl+q"}
    assert settings.provenance["keymap"] == f"file {config}"


def test_files_may_be_named_from_home(config: Path, own_environment: Path) -> None:
    config.write_text('log_file = "~/events.log"\ncredentials_file = "~nobody-of-that-name/x.creds"')
    settings = load_settings()
    assert settings.log_file == own_environment / "events.log"
    assert settings.credentials_file == Path("~nobody-of-that-name/x.creds")


def test_the_keymap_is_merged_binding_by_binding(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[keymap]\nquit = "q"\nhelp = "h"\n')
    monkeypatch.setenv("NATSTUI_KEYMAP", '{"quit": "x"}')
    assert load_settings().keymap == {"quit": "x", "help": "h"}


def test_another_file_is_named_by_the_caller_or_a_variable(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('theme = "usual"')
    for name in ("variable", "caller"):
        (tmp_path / f"{name}.toml").write_text(f'theme = "{name}"')
    assert (settings_file(None), load_settings().theme) == ((config, False), "usual")
    monkeypatch.setenv("NATSTUI_CONFIG", str(tmp_path / "variable.toml"))
    assert load_settings().theme == "variable"
    assert load_settings(config=tmp_path / "caller.toml").theme == "caller"
    monkeypatch.setenv("NATSTUI_CONFIG", str(tmp_path / "gone.toml"))
    assert refusal() == f"there is no settings file {tmp_path / 'gone.toml'}; give another with --config"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\nb = = 2\n", "line 2, column 5: invalid value; correct the TOML there"),
        (b'password = "geheim\n', "line 1, column 19: illegal character"),
        (b"a = '", 'at its end: expected "\'"'),
        (b"a = 1\na = 2\n", "line 2"),
        (b'password = "\xff"', "is not UTF-8 text"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_line(config: Path, content: bytes, said: str) -> None:
    config.write_bytes(content)
    told = refusal()
    assert said in told
    assert str(config) in told
    assert "geheim" not in told


def test_a_file_that_cannot_be_read_is_told(config: Path) -> None:
    config.mkdir()
    assert refusal() == f"{config} cannot be read (Is a directory); check the path and its permissions"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ping_interval", "soon", "'soon' is not a duration"),
        ("ping_interval", 0, "must be longer than 0"),
        ("ping_interval", ["geheim"], "should be a duration"),
        ("connection_timeout", -1, "it must be finite and not negative"),
        ("max_outstanding_pings", 0, "must be a whole number of at least 1: it was 0"),
        ("max_outstanding_pings", "many", "should be a valid integer"),
        ("max_reconnects", "often", "should be a valid integer"),
        ("idle_policy", "sleep", "should be 'hold' or 'close'"),
        ("no_echo", "perhaps", "should be a valid boolean"),
        ("read_only", "perhaps", "should be a valid boolean"),
        ("contexts", True, 'should be tables, written for example as [contexts."prod*"]'),
        ("token", 5, "should be a valid string"),
        ("servers", [], "is empty"),
        ("servers", 5, "should be a list of URLs"),
        ("servers", ["nats://ada:geheim@h:port"], "host or port is malformed"),
        ("servers", ["nats://ada:geheim@h", "ws://h"], "mixes websocket with other URLs"),
        ("servers", ["http://h"], "scheme 'http' is unknown"),
        ("custom_inbox_prefix", "a b", "give a subject without wildcards"),
        ("check_interval", 0, "must be longer than 0"),
        ("client_key", "/k", "is set without client_certificate"),
        ("password", "geheim", "is set without user"),
        ("password_file", "/not/there", "/not/there cannot be read"),
        ("nkey_seed_file", "/not/there", "/not/there cannot be read"),
    ],
)
def test_a_broken_setting_of_the_connection_says_its_name_and_line(
    config: Path, name: str, value: Any, said: str
) -> None:
    config.write_text('theme = "x"\n' + toml({name: value}))
    told = refusal()
    assert said in told
    assert "geheim" not in told
    if "/not/there" not in told:
        assert told.startswith(name)
        assert told.endswith(f"(file {config}, line 2)")


def test_it_says_the_variable_and_the_flag_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal({"ping_interval": "x"}).endswith("(command line, --ping-interval)")
    assert refusal({"servers": ["x:y"]}).endswith("(command line, --server)")
    monkeypatch.setenv("NATSTUI_PING_INTERVAL", "x")
    assert refusal().endswith("(environment variable NATSTUI_PING_INTERVAL)")
    monkeypatch.delenv("NATSTUI_PING_INTERVAL")
    monkeypatch.setenv("NATS_TIMEOUT", "x")
    assert refusal().endswith("(environment variable NATS_TIMEOUT)")


def test_a_broken_setting_of_the_screen_is_told_and_left_out(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(
        'theme = 5\nring_capacity = 0\nconfirm_count = -1\nping_interval = "5s"\n[keymap]\nquit = 5\nhelp = "h"\n'
    )
    monkeypatch.setenv("NATSTUI_SSH_PROFILE", "perhaps")
    monkeypatch.setenv("NATSTUI_KEYMAP", "{broken")
    settings = load_settings()
    assert (settings.theme, settings.ring_capacity, settings.confirm_count, settings.ssh_profile) == (
        "",
        10_000,
        1_000,
        False,
    )
    assert settings.keymap == {"help": "h"}
    assert settings.ping_interval == 5.0
    told = "\n".join(settings.warnings)
    for name, place in {
        "theme": f"file {config}, line 1",
        "ring_capacity": f"file {config}, line 2",
        "confirm_count": f"file {config}, line 3",
        "keymap.quit": f"file {config}, line 5",
        "ssh_profile": "environment variable NATSTUI_SSH_PROFILE",
        "keymap": "environment variable NATSTUI_KEYMAP",
    }.items():
        assert f"{name} is not used ({place}): " in told
    assert len(settings.warnings) == 6


def test_a_broken_value_of_the_screen_gives_way_to_a_weaker_source(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("ring_capacity = 50")
    monkeypatch.setenv("NATSTUI_RING_CAPACITY", "lots")
    settings = load_settings()
    assert (settings.ring_capacity, settings.provenance["ring_capacity"]) == (50, f"file {config}")


def test_unknown_keys_are_told_with_the_nearest(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('ping_intervall = 5\npasswort = "geheim"\n[qqqq]\n')
    monkeypatch.setenv("NATSTUI_THEEM", "geheim")
    monkeypatch.setenv("NATSTUI_ZZZZ", "geheim")
    assert load_settings().warnings == (
        "The environment variable NATSTUI_THEEM is not used: did you mean NATSTUI_THEME?",
        "The environment variable NATSTUI_ZZZZ is not used: natstui has no such setting.",
        f"ping_intervall is not used (file {config}, line 1): did you mean ping_interval?",
        f"passwort is not used (file {config}, line 2): did you mean password?",
        f"qqqq is not used (file {config}, line 3): natstui has no such setting.",
    )


def test_which_context_is_in_force(config: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cli", "own", "nats", "file", "selected"):
        context(own_environment, name, url=f"nats://{name}", color_scheme="red")

    def found(**command_line: Any) -> tuple[str, str]:
        settings = load_settings(command_line)
        return settings.context, settings.provenance["context"]

    assert found() == ("", "default")
    (own_environment / "config" / "nats" / "context.txt").write_text("selected")
    assert found() == ("selected", "selected with the nats CLI")
    config.write_text('context = "file"')
    assert found() == ("file", f"file {config}")
    monkeypatch.setenv("NATS_CONTEXT", "nats")
    assert found() == ("nats", "environment variable NATS_CONTEXT")
    monkeypatch.setenv("NATSTUI_CONTEXT", "own")
    assert found() == ("own", "environment variable NATSTUI_CONTEXT")
    assert found(context="cli") == ("cli", "command line")
    assert found(no_context=True) == ("", "default")
    found_context = load_settings({"context": "cli"}).nats_context
    assert found_context is not None and found_context.color_scheme == "red"


def test_no_context_in_the_file_gives_way_to_one_that_is_named(
    config: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context(own_environment)
    (own_environment / "config" / "nats" / "context.txt").write_text("prod")
    config.write_text("no_context = true")
    assert load_settings().context == ""
    assert load_settings({"context": "prod"}).context == "prod"
    monkeypatch.setenv("NATS_CONTEXT", "prod")
    assert load_settings().context == "prod"


def test_a_context_that_is_not_there_is_refused_and_one_that_is_not_honoured_is_told(own_environment: Path) -> None:
    context(own_environment, socks_proxy="socks5://p")
    assert refusal({"context": "pord"}) == "there is no nats context 'pord'; there are: prod"
    assert load_settings({"context": "prod"}).warnings == (
        "socks_proxy in the nats context prod is not used: natstui connects directly.",
    )


def test_an_embedded_server_takes_nothing_of_where_to_connect(
    config: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('servers = "nats://prod"\nrequire_tls = true\nping_interval = 5\nclient_certificate = "/c"\n')
    context(own_environment, user="ada")
    monkeypatch.setenv("NATS_CONTEXT", "prod")
    monkeypatch.setenv("NATSTUI_TOKEN", "t")
    monkeypatch.setenv("NATS_URL", "nats://prod")
    settings = load_settings(embedded=True)
    assert settings.connect_options(servers=["nats://127.0.0.1:1"]) == ConnectOptions(
        servers=["nats://127.0.0.1:1"], ping_interval=5
    )
    assert settings.nats_context is None


def test_over_ssh_the_ssh_profile_is_on_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
    settings = load_settings()
    assert (settings.ssh_profile, settings.provenance["ssh_profile"]) == (True, "environment variable SSH_CONNECTION")
    assert load_settings({"ssh_profile": False}).ssh_profile is False


def test_settings_made_by_hand_read_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('theme = "file"')
    monkeypatch.setenv("NATSTUI_THEME", "variable")
    settings = Settings(ring_capacity=5)
    assert (settings.theme, settings.ring_capacity) == ("", 5)
    assert (settings.provenance["ring_capacity"], settings.provenance["theme"]) == ("program", "default")


def test_overrides_go_over_the_settings() -> None:
    settings = Settings(servers=("nats://a",), name="x")
    options = settings.connect_options(servers="nats://b", token="t", name="y")
    assert (options.servers, secret(options.token), options.name) == (("nats://b:4222",), "t", "y")
