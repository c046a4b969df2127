"""Terminals with 16 colours or none: everything that a shade says elsewhere is said otherwise."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client
from rich.console import Console

from natstui.screens.help import EXPLAINED, SHAPES_AND_WORDS
from natstui.styles.themes import DARK, SIXTEEN, own_theme
from tests.dashboards import make_app
from tests.hosting.display import PATIENCE, Display
from tests.servers import NatsServer
from tests.terminals import Terminal
from tests.waiting import until

Connect = Callable[..., Awaitable[Client]]
SGR = re.compile(rb"\x1b\[([\d;]*)m")
SIXTEEN_COLOURS = {*range(30, 38), 39, *range(40, 48), 49, *range(90, 98), *range(100, 108)}
DEFAULTS = {39, 49}
F2, F3, F10 = "\x1bOQ", "\x1bOR", "\x1b[21~"


def colours(output: bytes) -> set[int]:
    """The parameters of every change of looks that have to do with colours; 38 and 48 begin more than 16."""
    found = {int(number) for parameters in SGR.findall(output) for number in parameters.split(b";") if number}
    return {number for number in found if 30 <= number <= 49 or 90 <= number <= 107}


async def test_without_colours_the_cursor_the_focus_and_what_is_found_are_told_otherwise(
    nats_server: NatsServer, connect: Connect
) -> None:
    publisher = await connect(nats_server.url)
    arguments = ["--server", nats_server.url, "--panel", "subscribe:orders.>", "--panel", "publish"]
    with Terminal(arguments, environment={"NO_COLOR": "1"}) as terminal:
        display = Display(terminal)
        await display.shows("waiting for messages")
        for number in (1, 2, 3):
            await publisher.publish("orders.new", b"payload %d" % number)
        await display.shows("payload 3")

        # The cursor, on the newest and then on the one before.
        await until(lambda: display.looks("payload 3") == [{"reverse"}], PATIENCE)
        terminal.type("k")
        await until(lambda: display.looks("payload 2") == [{"reverse"}], PATIENCE)
        assert display.looks("payload 3") == [set()]

        # Rows selected beside the cursor's own.
        terminal.type("K")
        await until(lambda: display.looks("payload 1") == [{"reverse"}], PATIENCE)
        assert display.looks("payload 2") == [{"bold", "underscore"}] and display.looks("payload 3") == [set()]
        terminal.type("vj")
        await until(lambda: display.looks("payload 2") == [{"reverse"}], PATIENCE)

        # The panel in focus has heavy lines.
        assert "┏" in display.text().splitlines()[1][:2]
        terminal.type("2")
        await until(lambda: "┏" in display.text().splitlines()[1][2:], PATIENCE)

        # The field in focus, by its label and a cursor that stands still.
        await until(lambda: {"reverse", "bold"} in display.looks("subject"), PATIENCE)
        terminal.type("\x1b1")
        await until(lambda: {"reverse", "bold"} not in display.looks("subject"), PATIENCE)

        # What a filter finds.
        terminal.type("/payload\r")
        await until(lambda: {"reverse", "bold", "underscore"} in display.looks("payload"), PATIENCE)
        terminal.type("\x1b")

        # The row that is chosen in a list of choices.
        terminal.type("\x0e")
        await until(lambda: display.looks("messages of one or more") == [{"bold", "underscore"}], PATIENCE)
        terminal.type("\x1b[B")
        await until(lambda: display.looks("messages of one or more") == [set()], PATIENCE)
        assert display.looks("send a message") == [{"bold", "underscore"}]
        terminal.type("\x1b")

        # The selected connection, the chosen word of a choice.
        terminal.type(F2)
        await until(lambda: any("reverse" in look for look in display.looks("1   subscribe")), PATIENCE)
        terminal.type("\x1b")
        await display.shows("payload 3")
        terminal.type(F10)
        await display.shows("connection of panel")
        terminal.type("\x1b" + F3)
        await display.shows("of all connections")

        assert colours(terminal.output) <= DEFAULTS, "no colour at all was asked for"


async def test_without_colours_the_current_tab_is_told_otherwise(nats_server: NatsServer) -> None:
    arguments = ["--server", nats_server.url, "--panel", "subscribe:a", "--panel", "publish:b"]
    with Terminal(arguments, columns=80, rows=24, environment={"NO_COLOR": "1"}) as terminal:
        display = Display(terminal, columns=80, rows=24)
        await until(lambda: display.looks("1 subscribe") == [{"reverse", "bold"}], PATIENCE)
        assert display.looks("2 publish") == [set()]
        terminal.type("\x1b2")
        await until(lambda: display.looks("2 publish") == [{"reverse", "bold"}], PATIENCE)
        assert display.looks("1 subscribe") == [set()]


async def test_sixteen_colours_are_the_terminals_own(nats_server: NatsServer) -> None:
    environment = {"TERM": "xterm", "COLORTERM": ""}
    with Terminal(["--server", nats_server.url, "--panel", "publish"], environment=environment) as terminal:
        display = Display(terminal)
        await display.shows("1 connected")
        terminal.type("\x1b" + F2)
        await display.shows("server pool")
        asked = colours(terminal.output)
        assert asked <= SIXTEEN_COLOURS, "more than 16 colours were asked for"
        assert asked - DEFAULTS, "colours there are"


@pytest.mark.parametrize("term", ["xterm", "xterm-16color", "linux", "vt100", "screen", "dumb"])
def test_a_terminal_of_sixteen_colours_or_none_gets_a_theme_of_sixteen(
    monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM")
    assert make_app("nats://127.0.0.1:9").theme == SIXTEEN.name


@pytest.mark.parametrize(("term", "colorterm"), [("xterm-256color", ""), ("tmux-256color", ""), ("xterm", "truecolor")])
def test_a_terminal_of_more_gets_natstuis_own_theme(monkeypatch: pytest.MonkeyPatch, term: str, colorterm: str) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLORTERM", colorterm)
    assert make_app("nats://127.0.0.1:9").theme == DARK.name
    assert own_theme(Console(force_terminal=True).color_system, no_color=True) is SIXTEEN


async def test_a_theme_that_is_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM")
    app = make_app("nats://127.0.0.1:9", "publish", theme="dracula")
    async with app.run_test():
        assert app.theme == "dracula"


def test_every_state_has_a_word_and_a_shape_of_its_own() -> None:
    shapes, words = zip(*SHAPES_AND_WORDS, strict=True)
    assert len(set(shapes)) == len(set(words)) == len(SHAPES_AND_WORDS) == len(EXPLAINED)
