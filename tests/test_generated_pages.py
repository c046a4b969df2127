"""docs/settings.md and docs/keys.md say what the settings model and the key bindings say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from natstui.binding_ids import ids_of_widgets
from natstui.keys import KEYS
from natstui.settings import Settings

SCRIPT = Path(__file__).parents[1] / "docs" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "keys.md"])
def test_the_page_is_up_to_date(generate: ModuleType, name: str) -> None:
    path = SCRIPT.with_name(name)
    now = generate.pages()[path]
    is_outdated = generate.outdated({path: now})
    assert not is_outdated, f"docs/{name} is out of date: run `{generate.COMMAND}` and commit what it writes"


def test_a_page_that_says_something_else_is_told(generate: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert generate.outdated({page: "new"}) == [page]
    page.write_text("old")
    assert generate.outdated({page: "new"}) == [page]
    page.write_text("new")
    assert not generate.outdated({page: "new"})


def test_every_setting_and_every_key_is_there(generate: ModuleType) -> None:
    settings, keys = generate.settings_page(), generate.keys_page()
    for name in Settings.model_fields:
        assert f"\n| `{name}` | " in settings
    listed = set(KEYS) | ids_of_widgets()
    for name in listed:
        numbered = any(f"_{number}" in name for number in range(2, 9))
        assert numbered or f"`{name}` |" in keys or f"`{name}` … " in keys, name


def test_a_setting_of_settings_is_told_with_its_fields(generate: ModuleType) -> None:
    class Inner(BaseModel):
        read_only: bool = False
        """Nothing
        leaves."""

    class Outer(BaseModel):
        contexts: dict[str, Inner] = {}
        """By name."""

    assert list(generate._models(Outer.model_fields["contexts"].annotation)) == [Inner]
    assert "| `read_only` | true or false | `false` | Nothing leaves. |" in generate._fields_table(Inner)


def test_a_setting_without_a_docstring_is_told(generate: ModuleType) -> None:
    class Bare(BaseModel):
        something: int = 1

    with pytest.raises(generate.UndescribedError, match=r"Bare\.something has no docstring"):
        generate._fields_table(Bare)
