"""The nats CLI's contexts are read as the CLI reads them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from natstui.connection.options import ConnectOptions
from natstui.contexts import ContextError, effective_context, list_contexts, load_context, selected_context
from tests.credentials import Nkey

EMPTY: dict[str, Any] = {
    "description": "",
    "url": "",
    "socks_proxy": "",
    "token": "",
    "user": "",
    "password": "",
    "creds": "",
    "nkey": "",
    "cert": "",
    "key": "",
    "ca": "",
    "nsc": "",
    "jetstream_domain": "",
    "jetstream_api_prefix": "",
    "jetstream_event_prefix": "",
    "inbox_prefix": "",
    "user_jwt": "",
    "user_seed": "",
    "color_scheme": "",
    "tls_first": False,
    "windows_cert_store": "",
    "windows_cert_match_by": "",
    "windows_cert_match": "",
    "windows_ca_certs_match": None,
}


@pytest.fixture
def root(own_environment: Path) -> Path:
    return own_environment / "config" / "nats"


def write(root: Path, name: str, **values: Any) -> Path:
    path = root / "context" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(EMPTY | values))
    return path


def secret(value: Any) -> str:
    return str(value.get_secret_value())


def test_the_contexts_are_listed_sorted_without_what_the_cli_would_not_take(root: Path) -> None:
    assert list_contexts() == ()
    for name in ("prod-east", "dev", "ngs_eu"):
        write(root, name)
    (root / "context" / "empty.json").touch()
    (root / "context" / "notes.txt").write_text("{}")
    (root / "context" / "a..b.json").write_text("{}")
    (root / "context" / "folder.json").mkdir()
    assert list_contexts() == ("dev", "ngs_eu", "prod-east")


def test_without_xdg_config_home_they_stand_in_dot_config(
    own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    write(own_environment / ".config" / "nats", "home")
    assert list_contexts() == ("home",)


def test_nothing_is_ever_written(root: Path) -> None:
    write(root, "dev", url="nats://a")
    (root / "context.txt").write_text("dev\n")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    list_contexts(), selected_context(), load_context("dev"), effective_context()
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_context_of_empty_values_is_the_default_server_and_nothing_else(root: Path) -> None:
    write(root, "dev")
    context = load_context("dev")
    assert dict(context.options) == {"servers": ("nats://127.0.0.1:4222",)}
    assert context.warnings == ()


def test_each_key_becomes_its_option(root: Path) -> None:
    write(
        root,
        "prod",
        description="The big one",
        url="nats://n1:4222, nats://n2:4222",
        user="ada",
        password="enchantress",
        token="tok",
        cert="/c/cert.pem",
        key="/c/key.pem",
        ca="/c/ca.pem",
        jetstream_domain="hub",
        jetstream_api_prefix="js.hub",
        inbox_prefix="_INBOX.ada",
        color_scheme="red",
        tls_first=True,
    )
    context = load_context("prod")
    options = dict(context.options)
    assert (secret(options.pop("password")), secret(options.pop("token"))) == ("enchantress", "tok")
    assert options == {
        "servers": ("nats://n1:4222", "nats://n2:4222"),
        "user": "ada",
        "client_certificate": "/c/cert.pem",
        "client_key": "/c/key.pem",
        "root_certificates": "/c/ca.pem",
        "custom_inbox_prefix": "_INBOX.ada",
        "tls_first": True,
    }
    assert (context.name, context.description, context.color_scheme) == ("prod", "The big one", "red")
    assert (context.jetstream_domain, context.jetstream_api_prefix) == ("hub", "js.hub")
    assert set(context.origins.values()) == {"context prod"}
    assert ConnectOptions(**context.options).servers == ("nats://n1:4222", "nats://n2:4222")
    assert "enchantress" not in repr(context)


@pytest.mark.parametrize("form", ["file://{}", "{}", "~/secret", "$SECRETS/secret", "file://${{SECRETS}}/secret"])
def test_paths_may_hold_home_and_variables(
    root: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("SECRETS", str(own_environment))
    pair = Nkey.user()
    path = own_environment / "secret"
    path.write_text(f"-----BEGIN USER NKEY SEED-----\n{pair.seed}\n------END USER NKEY SEED------\n")
    write(root, "dev", nkey=form.format(path))
    assert secret(load_context("dev").options["nkey_seed"]) == pair.seed
    write(root, "dev", creds=form.format(path), ca=form.format(path))
    options = load_context("dev").options
    assert options["credentials_file"] == options["root_certificates"] == str(path)


def test_an_unset_variable_in_a_path_is_nothing_as_in_go(root: Path) -> None:
    write(root, "dev", creds="$NOT_SET/a.creds")
    assert load_context("dev").options["credentials_file"] == "/a.creds"


@pytest.mark.parametrize("scheme", ["env", "data", "file"])
@pytest.mark.parametrize("key", ["password", "token", "user_jwt", "user_seed", "creds", "nkey"])
def test_secrets_may_be_references(
    root: Path, own_environment: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, key: str
) -> None:
    text = Nkey.user().seed
    (own_environment / "secret").write_text(text + "\n")
    monkeypatch.setenv("THE_SECRET", text)
    reference = {
        "env": "env://THE_SECRET",
        "data": "data:;base64," + base64.b64encode(text.encode()).decode(),
        "file": f"file://{own_environment / 'secret'}",
    }[scheme]
    beside = {"password": {"user": "ada"}, "user_seed": {"user_jwt": "ey"}, "user_jwt": {"user_seed": "SU"}}
    write(root, "dev", **beside.get(key, {}), **{key: reference})
    options = load_context("dev").options
    if key == "creds" and scheme == "file":
        assert options["credentials_file"] == str(own_environment / "secret")
        return
    name = {"user_jwt": "jwt", "user_seed": "nkey_seed", "creds": "credentials", "nkey": "nkey_seed"}.get(key, key)
    assert secret(options[name]) == text


def test_a_bare_password_that_looks_like_a_path_is_itself(root: Path) -> None:
    write(root, "dev", user="ada", password="~/$HOME")
    assert secret(load_context("dev").options["password"]) == "~/$HOME"


def test_a_user_alone_in_a_context_has_an_empty_password(root: Path) -> None:
    write(root, "dev", user="ada")
    options = ConnectOptions(**load_context("dev").options)
    assert options.user == "ada"
    assert secret(options.password) == ""


def test_a_jwt_alone_is_a_bearer_jwt(root: Path) -> None:
    write(root, "dev", user_jwt="eyJ")
    options = ConnectOptions(**load_context("dev").options)
    assert options.sign_callback is not None
    assert options.sign_callback(b"nonce") == b""


def test_a_jwt_in_a_file_that_is_not_there_says_so(root: Path) -> None:
    write(root, "dev", user_jwt="/no/such/user.jwt")
    with pytest.raises(ContextError, match=r"/no/such/user\.jwt cannot be read"):
        load_context("dev")


def test_of_several_credentials_the_cli_s_first_is_used_and_the_others_are_told(root: Path) -> None:
    write(root, "dev", user="ada", password="p", creds="/a.creds", nkey="/a.nk", user_jwt="eyJ")
    context = load_context("dev")
    assert set(context.options) == {"servers", "user", "password"}
    assert [warning.split()[0] for warning in context.warnings] == ["creds", "nkey", "user_jwt"]


def test_beside_creds_the_user_in_a_url_is_not_used_and_told(root: Path) -> None:
    write(root, "dev", url="nats://ada:geheim@a,nats://b", creds="/a.creds")
    context = load_context("dev")
    assert ConnectOptions(**context.options).servers == ("nats://a:4222", "nats://b:4222")
    assert context.warnings == ("The user in url in the nats context dev is not used: creds is set too.",)
    write(root, "dev", url="nats://ada:geheim@a")
    options = ConnectOptions(**load_context("dev").options)
    assert (options.user, secret(options.password)) == ("ada", "geheim")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("socks_proxy", "socks5://proxy:1080"),
        ("nsc", "nsc://operator/account/user"),
        ("jetstream_event_prefix", "js.events"),
        ("windows_cert_store", "user"),
        ("windows_cert_match", "x"),
        ("windows_cert_match_by", "subject"),
        ("windows_ca_certs_match", ["x"]),
        ("something_of_tomorrow", "x"),
        ("creds", "op://vault/item/creds"),
        ("creds", "nsc://operator/account/user"),
        ("nkey", "op://vault/item/seed"),
        ("token", "op://vault/item/token"),
        ("cert", "/only/the/certificate"),
    ],
)
def test_what_is_not_honoured_is_told_with_its_key(root: Path, key: str, value: Any) -> None:
    write(root, "dev", **{key: value})
    (warning,) = load_context("dev").warnings
    assert warning.startswith(f"{key} in the nats context dev is not used: ")


@pytest.mark.parametrize("name", ["", "..", "../evil", "a/b", "a\\b", "a..b", "a\x1b[31m"])
def test_names_that_could_leave_the_directory_are_refused(root: Path, name: str) -> None:
    write(root, "dev")
    (root / "evil.json").write_text(json.dumps(EMPTY))
    with pytest.raises(ContextError, match="the context name") as refusal:
        load_context(name)
    assert "\x1b" not in str(refusal.value)


def test_an_unknown_name_is_told_with_those_that_there_are(root: Path) -> None:
    write(root, "dev")
    write(root, "prod")
    with pytest.raises(ContextError, match=r"there is no nats context 'pord'; there are: dev, prod"):
        load_context("pord")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"url": "nats://a",\n "password": "geheim"', "is not JSON (.*line 2)"),
        ('["geheim"]', "no JSON object"),
        ('{"url": 5, "password": "geheim"}', "url in the nats context broken should be text"),
        ('{"tls_first": "geheim"}', "tls_first in the nats context broken should be true or false"),
        ('{"user": "a", "password": "env://NOT_THERE"}', "'NOT_THERE', which is not set"),
        ('{"user": "a", "password": "data:;base64,???geheim"}', "base64 that cannot be decoded"),
        ('{"user": "a", "password": "data:geheim"}', "no data:;base64, reference"),
        ('{"nkey": "/not/there"}', "/not/there cannot be read"),
        ('{"token": "file:///not/there"}', "/not/there cannot be read"),
        ('{"ca": "env://CA"}', "ca in the nats context broken refers to env:, but must be a file"),
        ('{"nkey": "data:;base64,Z2VoZWlt"}', "holds no nkey seed"),
    ],
)
def test_a_broken_context_is_one_sentence_without_its_secrets(root: Path, content: str, said: str) -> None:
    write(root, "broken").write_text(content)
    with pytest.raises(ContextError, match=said) as refusal:
        load_context("broken")
    assert "geheim" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_context_that_is_not_text_is_told(root: Path) -> None:
    write(root, "broken").write_bytes(b"\xff\xfe{")
    with pytest.raises(ContextError, match="is not UTF-8"):
        load_context("broken")


def test_the_context_in_force_is_that_of_the_caller_then_nats_context_then_the_selected(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("named", "variable", "selected"):
        write(root, name, url=f"nats://{name}")
    assert effective_context().name == ""
    (root / "context.txt").write_text("selected\n")
    assert (selected_context(), effective_context().name) == ("selected", "selected")
    monkeypatch.setenv("NATS_CONTEXT", "variable")
    assert effective_context().name == "variable"
    assert effective_context("named").name == "named"
    nothing = effective_context("named", use_contexts=False)
    assert (nothing.name, dict(nothing.options)) == ("", {})


def test_a_path_that_ends_in_json_is_loaded_directly(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.json"
    path.write_text(json.dumps({"url": "nats://else"}))
    context = effective_context(str(path))
    assert (context.name, context.path, context.options["servers"]) == ("elsewhere", path, ("nats://else",))


def test_a_selected_context_that_is_gone_says_how_to_go_without(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "context.txt").write_text("gone")
    with pytest.raises(ContextError, match=r"no nats context 'gone'.*--no-context"):
        effective_context()


def test_each_nats_variable_goes_over_its_key_and_only_over_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "dev", url="nats://context", user="ada", password="old", inbox_prefix="_ada", color_scheme="red")
    for name, value in {
        "NATS_URL": "nats://one,nats://two",
        "NATS_PASSWORD": "new",
        "NATS_CA": "~/ca.pem",
        "NATS_TIMEOUT": "7s",
        "NATS_COLOR": "green",
        "NATS_TOKEN": "",
    }.items():
        monkeypatch.setenv(name, value)
    context = effective_context("dev")
    options = ConnectOptions(**context.options)
    assert options.servers == ("nats://one:4222", "nats://two:4222")
    assert (options.user, secret(options.password), options.token) == ("ada", "new", None)
    assert (options.custom_inbox_prefix, options.request_timeout) == ("_ada", 7.0)
    assert options.root_certificates == str(Path.home() / "ca.pem")
    assert context.color_scheme == "green"
    assert context.origins["servers"] == "environment variable NATS_URL"
    assert context.origins["password"] == "environment variable NATS_PASSWORD"
    assert context.origins["user"] == "context dev"
    assert load_context("dev").options["servers"] == ("nats://context",)


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({"NATS_USER": "tok"}, {"token": "tok"}),
        ({"NATS_USER": "ada", "NATS_PASSWORD": "p"}, {"user": "ada", "password": "p"}),
        ({"NATS_USER": "ada", "NATS_TOKEN": "tok"}, {"token": "tok"}),
        ({"NATS_CREDS": "/a.creds"}, {"credentials_file": "/a.creds"}),
        ({"NATS_JWT": "eyJ", "NATS_SEED": "SUA"}, {"jwt": "eyJ", "nkey_seed": "SUA"}),
        ({"NATS_CERT": "/c", "NATS_KEY": "/k"}, {"client_certificate": "/c", "client_key": "/k"}),
    ],
)
def test_the_variables_alone(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], options: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = effective_context().options
    assert {name: value if isinstance(value, str) else secret(value) for name, value in found.items()} == options


def test_a_socks_proxy_can_be_taken_away_and_is_told_otherwise(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "dev", socks_proxy="socks5://p")
    monkeypatch.setenv("NATS_SOCKS_PROXY", "none")
    assert effective_context("dev").warnings == ()
    monkeypatch.setenv("NATS_SOCKS_PROXY", "socks5://q")
    assert effective_context().warnings[0].startswith("NATS_SOCKS_PROXY is not used")
