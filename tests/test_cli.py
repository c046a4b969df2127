"""The command line: exit codes, sentences, and what reaches the dashboard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import natstui
from natstui import cli
from natstui.launch import Launch, PanelSpec
from natstui.settings import Settings

NO_TERMINAL = "natstui needs a terminal; over ssh use: ssh -t host natstui\n"


@pytest.fixture
def config(own_environment: Path) -> Path:
    path = own_environment / "config" / "natstui" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[Launch]:
    """What the dashboard was started with; it returns 7 at once, and there is a terminal."""
    found: list[Launch] = []
    app = ModuleType("natstui.app")

    def run_dashboard(launch: Launch) -> int:
        found.append(launch)
        return 7

    app.run_dashboard = run_dashboard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "natstui.app", app)
    monkeypatch.setattr(cli, "_has_terminal", lambda: True)
    return found


def natstui_process(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "natstui", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(natstui.__file__).parent.parent,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_load_neither_textual_nor_nats_nor_pydantic(argument: str) -> None:
    done = natstui_process(argument, options=("-X", "importtime"))
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "argparse" in loaded
    assert not loaded & {"textual", "nats", "pydantic", "pydantic_settings", "asyncio"}
    assert done.stdout.startswith(f"natstui {natstui.__version__}\n" if argument == "--version" else "usage: natstui")


def test_without_a_terminal_it_says_so_before_textual_is_loaded() -> None:
    done = natstui_process(options=("-X", "importtime"))
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    said = "".join(line + "\n" for line in done.stderr.splitlines() if "|" not in line)
    assert (done.returncode, done.stdout, said) == (2, "", NO_TERMINAL)
    assert not loaded & {"textual", "nats"}


@pytest.mark.parametrize("command", [[], ["demo"]])
def test_where_only_standard_error_is_no_terminal_it_says_which_one(command: list[str]) -> None:
    ours, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "natstui", *command],
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            cwd=Path(natstui.__file__).parent.parent,
        )
    finally:
        os.close(ours)
        os.close(terminal)
    assert done.returncode == 2
    assert done.stderr.startswith("natstui draws on standard error, which must be the terminal too;")
    assert len(done.stderr.splitlines()) == 1


def test_demo_without_a_terminal_starts_no_server() -> None:
    done = natstui_process("demo")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", NO_TERMINAL)


def test_config_tells_what_the_dashboard_would_not_take(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('theme = "x"\n[keymap]\n"app.help" = "f4"\n"messages.pause" = "p"\n"no.such" = "z"\n')
    assert cli.main(["config", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["theme"]["value"] == "x"
    theme, keymap = captured.err.splitlines()
    assert theme.startswith("natstui: There is no theme 'x'. There are ") and "natstui-light" in theme
    assert keymap == "natstui: The keymap names 'no.such', which is no binding; F1 shows their names."
    config.write_text('theme = "natstui-light"\n[keymap]\n"app.help" = "f4"\n')
    assert cli.main(["config"]) == 0
    assert capsys.readouterr().err == ""


def test_a_pipe_that_closes_early_is_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "natstui", "config"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(natstui.__file__).parent.parent,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == cli.PIPE_CLOSED
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_help_of_a_command_names_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--help"]) == 0
    said = capsys.readouterr().out
    for word in ("--json", "--server", "--context", "--ping-interval", "exit status: 0 all well, 1 warning, 2 failed"):
        assert word in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--panel", "chart"], "there is no panel kind 'chart'; the kinds are subscribe, publish, request"),
        (["--panel", "subscribe:"], "names no subject after the colon"),
        (["--panel", "subscribe:a b"], "holds white space"),
        (["--panel", "subscribe:a..b"], "has an empty part"),
        (["--panel", "subscribe:>.a"], "has > before its end"),
        (["--panel", "publish:orders.*"], "has a wildcard; only subscriptions may have one"),
        (["--panel", "subscribe:a@b c"], "the queue group 'b c'"),
        (["--panle", "publish"], "there is no option --panle; did you mean --panel?"),
        (["--qqqqqq"], "there is no option --qqqqqq; 'natstui --help' lists them"),
        (["frobnicate"], "there is no command 'frobnicate'; the commands are demo, config, check, stats, events"),
        (["config", "paths"], "'natstui config' takes no word but path; it was 'paths'"),
        (["config", "path", "x"], "there is a word too many"),
        (["--interval", "5s"], "--interval belongs to 'natstui stats'"),
        (["stats", "--interval", "soon"], "--interval: 'soon' is not a duration"),
        (["stats", "--interval", "0"], "--interval: '0' is too short"),
        (["demo", "--rate", "0"], "--rate: '0' is not a number above 0"),
        (["demo", "--rate", "nan"], "--rate: 'nan' is not a number above 0"),
        (["demo", "--seed", "x"], "--seed: invalid int value: 'x'"),
        (["demo", "--server", "nats://h"], "--server does not belong to 'demo'"),
        (["--server", "nats://h", "demo"], "natstui demo brings its own server; leave --server out"),
        (["--theme"], "--theme: expected one argument"),
        (["--context", "a", "--no-context"], "--no-context: not allowed with argument --context"),
        (["--server", "http://h"], "scheme 'http' is unknown"),
        (["--server", "nats://h:port"], "host or port is malformed"),
        (["--server", "nats://h", "--server", "ws://h"], "mixes websocket with other URLs"),
        (["--ping-interval", "0"], "ping_interval must be longer than 0"),
        (["--idle-policy", "nap"], "idle_policy should be 'hold' or 'close' (command line, --idle-policy)"),
        (["--context", "nope"], "there is no nats context 'nope'"),
        (["--context", "../x"], "the context name '../x' holds '..'"),
        (["--config", "/not/there.toml"], "there is no settings file /not/there.toml"),
        (["--token-file", "/not/there"], "/not/there cannot be read (No such file or directory)"),
        (["--client-key", "/k"], "client_key is set without client_certificate"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], launches: list[Launch]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.startswith("natstui")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert launches == []


def test_a_broken_file_is_one_sentence_and_exit_code_2(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('theme = "x"\nping_interval = = 5\n')
    assert cli.main([]) == 2
    said = f"natstui: {config}, line 2, column 17: invalid value; correct the TOML there\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", "geheim"],
        ["--password=geheim"],
        ["--token", "geheim"],
        ["config", "--nkey-seed", "geheim"],
        ["check", "--jwt=geheim"],
        ["stats", "--credentials", "geheim"],
        ["--pasword", "geheim"],
        ["--pass", "geheim"],
        ["-pgeheim"],
        ["--server", "nats://ada:geheim@h:port"],
        ["--server", "http://ada:geheim@h"],
        ["--server", "nats://ada:geheim@h", "config"],
        ["--server", "nats://geheim@h", "config", "--json"],
        ["--server", "nats://ada:geheim@h", "--credentials-file", "/x", "config"],
        ["--server", "nats://ada:geheim@127.0.0.1:1", "check"],
        ["--server", "nats://ada:geheim@127.0.0.1:1", "stats", "--json"],
    ],
)
def test_no_secret_of_the_command_line_is_repeated(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(arguments)
    captured = capsys.readouterr()
    assert "geheim" not in captured.out + captured.err
    assert captured.err or "**********" in captured.out


def test_a_password_option_names_what_to_use_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--password", "x"]) == 2
    assert "use NATSTUI_PASSWORD or --password-file" in capsys.readouterr().err


def test_a_password_in_a_url_is_used_and_warned_of(launches: list[Launch], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--server", "nats://ada:geheim@h"]) == 7
    (launch,) = launches
    userinfo = launch.options.pool[0][1]
    assert userinfo is not None and userinfo.password is not None
    assert userinfo.password.get_secret_value() == "geheim"
    (warning,) = launch.warnings
    assert "list of processes" in warning and "cannot take them back" in warning and "NATSTUI_PASSWORD" in warning
    assert "geheim" not in repr(launch)
    assert capsys.readouterr().err == ""


def test_without_arguments_the_dashboard_opens_on_the_usual_server(launches: list[Launch]) -> None:
    assert cli.main([]) == 7
    (launch,) = launches
    assert launch.options.servers == ("nats://127.0.0.1:4222",)
    assert (launch.panels, launch.demo, launch.context_name, launch.warnings) == ((), False, "", ())
    assert isinstance(launch.settings, Settings)


def test_the_panels_and_servers_are_those_that_were_named_in_their_order(launches: list[Launch]) -> None:
    arguments = ["--server", "nats://a", "--panel", "subscribe:orders.>", "-s", "nats://b:4223", "--panel", "publish"]
    assert cli.main([*arguments, "--panel=request:svc.echo", "--panel", "subscribe:orders.>@workers"]) == 7
    (launch,) = launches
    assert launch.options.servers == ("nats://a:4222", "nats://b:4223")
    assert launch.panels == (
        PanelSpec("subscribe", "orders.>"),
        PanelSpec("publish"),
        PanelSpec("request", "svc.echo"),
        PanelSpec("subscribe", "orders.>", "workers"),
    )


def test_every_option_reaches_the_connection(launches: list[Launch]) -> None:
    arguments = (
        "--name n --ping-interval 5s --max-outstanding-pings 3 --connection-timeout 1500ms --request-timeout 1m "
        "--idle-timeout 0 --idle-policy close --max-reconnects 4 --subscription-capacity 5 --client-capacity 6 "
        "--read-buffer-capacity 7 --custom-inbox-prefix _in --local-address 127.0.0.1 --retry-on-initial-connect "
        "--retain-servers-order --ignore-discovered-servers --skip-subject-validation --no-echo --require-tls "
        "--tls-first --root-certificates /ca --client-certificate /c --client-key /k --tls-hostname h "
        "--credentials-file /x.creds --check-interval 1m"
    )
    assert cli.main(arguments.split()) == 7
    options = launches[0].options
    found = (
        (options.name, options.ping_interval, options.max_outstanding_pings, options.connection_timeout),
        (options.request_timeout, options.idle_timeout, options.idle_policy, options.max_reconnects),
        (options.subscription_capacity, options.client_capacity, options.read_buffer_capacity),
        (options.custom_inbox_prefix, options.local_address, options.tls_hostname),
        tuple(str(path) for path in (options.root_certificates, options.client_certificate, options.client_key)),
        str(options.credentials_file),
        launches[0].settings.check_interval,
    )
    assert found == (
        ("n", 5.0, 3, 1.5),
        (60.0, 0.0, "close", 4),
        (5, 6, 7),
        ("_in", "127.0.0.1", "h"),
        ("/ca", "/c", "/k"),
        "/x.creds",
        60.0,
    )
    switches = (
        options.retry_on_initial_connect,
        options.retain_servers_order,
        options.ignore_discovered_servers,
        options.skip_subject_validation,
        options.no_echo,
        options.require_tls,
        options.tls_first,
    )
    assert switches == (True,) * 7


def test_a_switch_of_the_file_can_be_turned_off(config: Path, launches: list[Launch]) -> None:
    config.write_text("no_echo = true\nrequire_tls = true\nread_only = true\n")
    assert cli.main(["--echo", "--no-require-tls", "--no-read-only"]) == 7
    launch = launches[0]
    assert (launch.options.no_echo, launch.options.require_tls, launch.settings.read_only) == (False, False, False)


def test_options_stand_before_or_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--theme", "x", "config", "--json"], ["config", "--json", "--theme", "x"]):
        assert cli.main(arguments) == 0
        assert json.loads(capsys.readouterr().out)["theme"] == {"value": "x", "from": "command line"}


def test_a_context_reaches_the_dashboard_with_its_warnings(own_environment: Path, launches: list[Launch]) -> None:
    path = own_environment / "config" / "nats" / "context" / "prod.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"url": "nats://prod", "color_scheme": "red", "socks_proxy": "socks5://p"}))
    assert cli.main(["--context", "prod"]) == 7
    (launch,) = launches
    assert (launch.context_name, launch.options.servers) == ("prod", ("nats://prod:4222",))
    assert launch.warnings == ("socks_proxy in the nats context prod is not used: natstui connects directly.",)
    context = launch.settings.nats_context
    assert context is not None and context.color_scheme == "red"


def test_a_broken_setting_of_the_screen_reaches_the_dashboard_as_a_warning(
    config: Path, launches: list[Launch]
) -> None:
    config.write_text("theme = 5\nthem = 6\n")
    assert cli.main([]) == 7
    assert len(launches[0].warnings) == 2


@pytest.mark.parametrize(
    ("arguments", "ssh", "set_up"),
    [([], False, False), ([], True, True), (["--ssh-profile"], False, True), (["--no-ssh-profile"], True, False)],
)
def test_the_ssh_profile_is_set_up_before_textual_is_loaded(
    arguments: list[str], ssh: bool, set_up: bool, launches: list[Launch], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TEXTUAL_FPS", "TEXTUAL_ANIMATIONS", "TEXTUAL_SMOOTH_SCROLL"):
        monkeypatch.setenv(name, "undone afterwards")
        monkeypatch.delenv(name)
    if ssh:
        monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
    assert cli.main(arguments) == 7
    found = {name: value for name, value in os.environ.items() if name.startswith("TEXTUAL_")}
    expected = {"TEXTUAL_FPS": "12", "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
    assert found == (expected if set_up else {})
    assert launches[0].settings.ssh_profile is set_up


def test_what_the_user_set_for_textual_stays(launches: list[Launch], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEXTUAL_ANIMATIONS", "TEXTUAL_SMOOTH_SCROLL"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TEXTUAL_FPS", "30")
    assert cli.main(["--ssh-profile"]) == 7
    assert os.environ["TEXTUAL_FPS"] == "30"


def test_config_prints_every_setting_with_its_value_and_where_it_came_from(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text('ping_interval = "90s"\ntoken = "geheim"\n[keymap]\n"app.quit" = "q"\n')
    monkeypatch.setenv("NATSTUI_THEME", "nord")
    assert cli.main(["config", "--max-reconnects", "3"]) == 0
    captured = capsys.readouterr()
    rows = {line.split()[0]: line for line in captured.out.splitlines()}
    assert set(rows) == set(Settings.model_fields)
    assert rows["ping_interval"].split(None, 2) == ["ping_interval", "1m30s", f"file {config}"]
    assert rows["token"].split(None, 2) == ["token", "**********", f"file {config}"]
    assert rows["theme"].split(None, 2) == ["theme", "nord", "environment variable NATSTUI_THEME"]
    assert rows["max_reconnects"].split(None, 2) == ["max_reconnects", "3", "command line"]
    assert rows["keymap"].split(None, 4) == ["keymap", "app.quit", "=", "q", f"file {config}"]
    assert rows["idle_timeout"].split(None, 2) == ["idle_timeout", "30m0s", "default"]
    assert captured.err == ""


def test_config_as_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('ping_interval = "90s"\nroot_certificates = "/ca"\ntoken = "geheim"\n')
    assert cli.main(["config", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ping_interval"] == {"value": 90.0, "from": f"file {config}"}
    assert found["root_certificates"] == {"value": "/ca", "from": f"file {config}"}
    assert found["token"] == {"value": "**********", "from": f"file {config}"}
    assert found["max_reconnects"] == {"value": None, "from": "default"}


def test_config_path_prints_where_the_file_is_even_when_it_is_broken(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("= =")
    assert cli.main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{config}\n"


def test_warnings_of_a_command_go_to_stderr_without_control_characters(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text('"a\\u001b[31m" = 5\n')
    assert cli.main(["config", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("natstui: a␛[31m is not used")
    json.loads(captured.out)
