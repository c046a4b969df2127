"""The dashboard over real servers: what its tests start from."""

from __future__ import annotations

import unicodedata
from typing import Any, TypeVar

from textual.events import Key
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot
from textual.widget import Widget

from natstui.app import NatstuiApp
from natstui.connection.options import ConnectOptions
from natstui.launch import Launch, parse_panel
from natstui.panels.base import Panel
from natstui.panels.publish import PublishPanel
from natstui.panels.request import RequestPanel
from natstui.panels.subscribe import SubscribePanel
from natstui.screens.confirm_typed import ConfirmTyped
from natstui.settings import Settings
from natstui.widgets.field import Field
from natstui.widgets.line import Line
from tests.waiting import until

SIZE = (120, 40)
P = TypeVar("P", bound=Panel)


def make_app(
    url: str | list[str], *panels: str, options: dict[str, Any] | None = None, context: str = "", **settings: Any
) -> NatstuiApp:
    """A dashboard on a server, with panels such as "subscribe:orders.>"."""
    servers = [url] if isinstance(url, str) else url
    connect = ConnectOptions(servers=servers, **(options or {}))
    specs = tuple(parse_panel(panel) for panel in panels)
    return NatstuiApp(Launch(Settings(**settings), connect, specs, context_name=context))


def panel(app: NatstuiApp, number: int, kind: type[P]) -> P:
    """The panel with that number."""
    found = app.dashboard.panels[number - 1]
    assert isinstance(found, kind)
    return found


def subscribe_panel(app: NatstuiApp, number: int = 1) -> SubscribePanel:
    return panel(app, number, SubscribePanel)


def publish_panel(app: NatstuiApp, number: int = 1) -> PublishPanel:
    return panel(app, number, PublishPanel)


def request_panel(app: NatstuiApp, number: int = 1) -> RequestPanel:
    return panel(app, number, RequestPanel)


async def until_connected(app: NatstuiApp, timeout: float = 10.0) -> None:
    """Wait until every panel's connection is connected, and every subject is subscribed."""

    def connected() -> bool:
        panels = app.dashboard.panels
        return all(
            panel.connection is not None
            and panel.connection.stats().is_connected
            and not any(worker.group == "establish" and not worker.is_finished for worker in panel.workers)
            for panel in panels
        )

    await until(connected, timeout, "every panel connected")


def footer(panel: Panel) -> str:
    """The last line of a panel."""
    return panel.query_one(".panel-footer", Line).text


def strip(panel: Panel) -> str:
    """The strip of a panel, on one line."""
    return "   ".join(panel.strip.text)


def notice(panel: Panel) -> str:
    """The sentence that a panel says; empty for none."""
    return panel.notice.sentence


async def fill(pilot: Pilot[Any], panel: Panel, field: str, text: str) -> None:
    """Type a text into a field in place of what it holds."""
    widget = panel.query_one(f"#{field}", Field)
    widget.focus()
    await pilot.pause()
    widget.value = ""
    await type_text(pilot, text)


async def type_text(pilot: Pilot[Any], text: str) -> None:
    """Type a text into the field in focus, in one go."""
    await press_at_once(pilot, *text)
    await pilot.pause()


async def press_at_once(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys as fast as a terminal passes them on; what they do may not be over yet.

    `pilot.press` waits after each key until the whole process is idle, which takes 40 ms on an idle machine and up to
    two seconds on a busy one.
    """
    for key in keys:
        name = _character_to_key(key) if len(key) == 1 else key
        try:
            character = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(name, name)))
        except KeyError:
            character = key if len(key) == 1 else None
        pilot.app.post_message(Key(name, character))
    await pilot.pause(0)


async def until_asked(app: NatstuiApp) -> ConfirmTyped:
    """Wait for the question that is answered by typing."""
    await until(lambda: isinstance(app.screen, ConfirmTyped) and bool(app.screen.query("#phrase")), what="a question")
    assert isinstance(app.screen, ConfirmTyped)
    return app.screen


async def confirm(app: NatstuiApp, pilot: Pilot[Any], phrase: str) -> None:
    """Answer the question by typing."""
    screen = await until_asked(app)
    screen.query_one("#phrase", Field).value = phrase
    await pilot.press("enter")


def screen_text(app: NatstuiApp) -> str:
    """Everything that is on the screen, line by line."""
    _width, height = app.size
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()[:height]
    )


def focused_in(app: NatstuiApp, widget: Widget) -> bool:
    """Whether the focus is on a widget or within it."""
    focused = app.screen.focused
    return focused is not None and widget in focused.ancestors_with_self
