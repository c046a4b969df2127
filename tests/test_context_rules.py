"""What the settings say of contexts: which tables hold, which word counts, and what a broken table leads to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from natstui import cli
from natstui.connection.options import ConnectOptions
from natstui.context_options import options_on
from natstui.context_rules import ContextRule, ContextSafety, context_safety, is_production_name, matching
from natstui.contexts import NatsContext, load_context
from natstui.settings import Settings
from natstui.settings_sources import SettingsError, load_settings


@pytest.fixture
def config(own_environment: Path) -> Path:
    path = own_environment / "config" / "natstui" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def production(own_environment: Path) -> None:
    """A context "prod-east", selected."""
    directory = own_environment / "config" / "nats"
    (directory / "context").mkdir(parents=True)
    (directory / "context" / "prod-east.json").write_text(json.dumps({"url": "nats://n1:4222"}))
    (directory / "context" / "dev.json").write_text(json.dumps({"url": "nats://d1:4222"}))
    (directory / "context.txt").write_text("prod-east")


@pytest.mark.parametrize(
    "name", ["prod", "prod-east", "eu_PROD", "Prod1", "eu.prod.2", "production", "eu-Production-2"]
)
def test_a_name_with_prod_as_a_word_is_production(name: str) -> None:
    assert is_production_name(name)
    assert context_safety(name, {}) == ContextSafety(is_production=True)


@pytest.mark.parametrize(
    "name", ["", "dev", "products", "reproduce", "pre-prod", "non_prod", "NotProd", "no prod", "nonprod", "preprod"]
)
def test_other_names_are_not(name: str) -> None:
    assert not is_production_name(name)
    assert context_safety(name, {}) == ContextSafety()


def test_names_and_globs_hold_whatever_the_case() -> None:
    tables = ["prod*", "PROD-EAST", "*-east", "dev", "[x]", "*"]
    assert matching("prod-east", tables) == ["prod*", "PROD-EAST", "*-east", "*"]
    assert matching("[x]", tables) == ["[x]", "*"]
    assert matching("", tables) == ["*"]


def test_the_strictest_table_counts() -> None:
    lenient, strict = ContextRule(production=False, fault_drill=True), ContextRule(read_only=True, production=True)
    refusing, silent = ContextRule(fault_drill=False), ContextRule()
    assert context_safety("prod-1", {"prod-1": lenient}) == ContextSafety(fault_drill=True)
    for rules in ({"prod-1": lenient, "*": strict}, {"*": strict, "prod-1": lenient}):
        assert context_safety("prod-1", rules) == ContextSafety(True, True, True)
    assert context_safety("dev", {"*": lenient, "dev": refusing}).fault_drill is False
    assert context_safety("dev", {"*": silent}) == ContextSafety()
    assert context_safety("prod", {"prod": silent}).is_production


def test_the_tables_stand_in_the_settings_file(config: Path, production: None) -> None:
    config.write_text('theme = "x"\n[contexts."prod*"]\nread_only = true\n[contexts.dev]\nproduction = true\n')
    settings = load_settings()
    assert settings.warnings == () and settings.provenance["contexts"] == f"file {config}"
    assert settings.safety_of("prod-east") == ContextSafety(read_only=True, is_production=True)
    assert settings.safety_of("dev") == ContextSafety(is_production=True)
    assert settings.connect_options().read_only is True, "the context in force is prod-east"
    assert load_settings({"context": "dev"}).connect_options().read_only is False
    assert load_settings({"read_only": False}).connect_options().read_only is True
    assert load_settings({"context": "dev", "read_only": True}).connect_options().read_only is True


def test_tables_of_several_sources_hold_together(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[contexts."prod*"]\nread_only = true\n')
    monkeypatch.setenv("NATSTUI_CONTEXTS", '{"dev": {"fault_drill": true}}')
    assert {name: str(rule) for name, rule in load_settings().contexts.items()} == {
        "prod*": "read_only=true",
        "dev": "fault_drill=true",
    }


def test_an_unknown_word_is_told_and_the_rest_holds(config: Path) -> None:
    config.write_text('a = 1\n[contexts."prod*"]\nread_only = true\nreadonly = true\ncolour = "red"\n')
    settings = load_settings()
    place = f"(file {config}, line 2)."
    assert settings.warnings[1:] == (
        f"readonly in contexts.'prod*' is not used: did you mean read_only? {place}",
        f"colour in contexts.'prod*' is not used: there are read_only, production, fault_drill {place}",
    )
    assert settings.safety_of("prod").read_only


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contexts = 5", 'contexts should be tables, written for example as [contexts."prod*"]'),
        ("[contexts]\nprod = true", "contexts needs a table for 'prod', written [contexts.\"prod\"]"),
        ('[contexts."prod*"]\nread_only = "perhaps"', "contexts 'prod*': read_only should be true or false"),
    ],
)
def test_a_broken_table_keeps_natstui_from_starting(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == f"{said} (file {config}, line 1)"


def test_a_broken_variable_does_too(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATSTUI_READ_ONLY", "perhaps")
    with pytest.raises(SettingsError, match=r"read_only should be a valid boolean.*NATSTUI_READ_ONLY"):
        load_settings()


def test_config_prints_the_tables(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('[contexts."prod*"]\nread_only = true\nproduction = true\n')
    assert cli.main(["config"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("contexts "))
    assert row.split(None, 1)[1] == f"prod* = read_only=true production=true  file {config}"
    assert cli.main(["config", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["contexts"]["value"]
    assert found == {"prod*": {"read_only": True, "production": True}}


def test_another_context_does_not_end_read_only(production: None) -> None:
    base = ConnectOptions(read_only=True)
    assert options_on(load_context("dev"), base).read_only is True
    assert options_on(NatsContext("x", options={"servers": ["nats://x"]}), base).read_only is True
    assert options_on(load_context("dev"), ConnectOptions()).read_only is False


def test_settings_made_by_hand_take_tables() -> None:
    assert Settings(contexts={"*": {"read_only": True}}).safety_of("any").read_only
