"""Screens and kinds of panel are loaded when they are wanted."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from textual.screen import Screen

from natstui import screens
from natstui.launch import PANEL_KINDS
from natstui.panels import panel_class
from tests.dashboards import SIZE, make_app, screen_text
from tests.servers import NatsServer
from tests.waiting import until

FOLDER = Path(screens.__file__).parent


@pytest.mark.parametrize("name", screens.MODULES)
def test_a_screen_is_found_by_its_name(name: str) -> None:
    assert getattr(screens, name).__module__ == f"natstui.screens.{screens.MODULES[name]}"


def test_no_screen_is_forgotten() -> None:
    modules = [import_module(f"natstui.screens.{path.stem}") for path in FOLDER.glob("*.py") if path.stem[0] != "_"]
    found = [one for module in modules for one in vars(module).values() if isinstance(one, type)]
    here = {one.__name__: one.__module__ for one in found if issubclass(one, Screen) and not one.__subclasses__()}
    forgotten = {name for name, module in here.items() if module.startswith("natstui.screens.")} - set(screens.MODULES)
    assert len(here) > 10 and not forgotten


def test_another_name_is_an_error_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = screens.Nothing


@pytest.mark.parametrize("kind", PANEL_KINDS)
def test_every_kind_of_panel_has_its_class(kind: str) -> None:
    assert kind == panel_class(kind).KIND


def test_a_start_loads_no_screen_and_no_panel() -> None:
    rooms = "('natstui.screens.', 'natstui.panels.')"
    check = f"import sys, natstui.app; print(*[name for name in sys.modules if name.startswith({rooms})])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) == {"natstui.panels.base", "natstui.panels.kept"}


async def test_a_key_of_a_screen_that_was_not_loaded_can_be_changed(nats_server: NatsServer) -> None:
    app = make_app(nats_server.url, "subscribe:orders.>", keymap={"message.close": "ctrl+x", "no.such": "f9"})
    async with app.run_test(size=SIZE, notifications=True):
        await until(lambda: "no.such" in screen_text(app))
        assert "message.close" not in screen_text(app)
