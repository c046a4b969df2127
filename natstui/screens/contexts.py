"""The nats CLI's contexts: to look at, to open a panel on, to connect panels to. Never written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from natstui.clock import Clock
from natstui.connection.errors import OptionError
from natstui.connection.options import ConnectOptions
from natstui.context_labels import NO_CONTEXT, ContextLabel
from natstui.context_options import authentication_words, options_on, tls_words
from natstui.contexts import ContextError, NatsContext, context_directory, list_contexts, load_context, selected_context
from natstui.keys import bindings
from natstui.safety import Safety
from natstui.screens.leaving import LeavingScreen
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import part, shorten, shorten_middle
from natstui.widgets.key_line import KeyLine
from natstui.widgets.line import Line
from natstui.widgets.notice import Notice
from natstui.widgets.time_words import clock_time, plural

Use = Literal["new panel", "this panel", "all panels"]
NAME_CELLS, URL_CELLS = 18, 30


@dataclass(frozen=True, slots=True)
class ContextChoice:
    """A context, and what is to be connected to it."""

    options: ConnectOptions
    label: ContextLabel
    use: Use


@dataclass(frozen=True, slots=True)
class ListedContext:
    """A context as it was read."""

    name: str
    context: NatsContext | None = None
    options: ConnectOptions | None = None
    problem: str = ""
    """Why it cannot be used, in one sentence."""
    label: ContextLabel = NO_CONTEXT


def read_contexts(safety: Safety, base: ConnectOptions) -> list[ListedContext]:
    """Read every context of the nats CLI, each with the options that it gives `base`."""
    found = []
    base = safety.elsewhere(base)
    for name in list_contexts():
        context, options, problem = None, None, ""
        try:
            context = load_context(name)
            options = options_on(context, base)
        except (ContextError, OptionError) as error:
            problem = str(error)
        label = safety.label(ContextLabel(name, context.color_scheme if context else ""))
        options = safety.options(options, label) if options else None
        found.append(ListedContext(name, context, options, problem, label))
    return found


class ContextList(OptionList):
    """The contexts; enter opens a panel on one."""

    BINDINGS = bindings("contexts.open")


class ContextsScreen(LeavingScreen[ContextChoice | None]):
    """Every context with its servers and how it authenticates; the result is the one chosen, and for what.

    Args:
        safety: what the settings say of contexts.
        base: where everything but the place and the credentials comes from.
        panel: the panel that "this panel" means, in words; empty for none.
    """

    BINDINGS = bindings("contexts.this_panel", "contexts.all_panels", "contexts.read", "screen.back")

    def __init__(self, safety: Safety, base: ConnectOptions, clock: Clock, panel: str = "") -> None:
        super().__init__()
        self._safety = safety
        self._base = base
        self._clock = clock
        self._panel = panel
        self._contexts: Sequence[ListedContext] = ()
        self._selected = ""

    def compose(self) -> ComposeResult:
        yield Line(classes="screen-title")
        yield ContextList(compact=True)
        yield Static(id="no-contexts", classes="dialog-text", markup=False)
        yield Notice()
        with VerticalScroll(id="context-side", can_focus=False):
            yield Static(id="context", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self._read()
        self.query_one(ContextList).focus()
        self.tick(self._clock.now())

    def tick(self, now: datetime) -> None:
        """Show the time."""
        title = [part(90, ("contexts", "brand")), part(80, (plural(len(self._contexts), "context"), "label"))]
        if self._panel:
            title.append(part(70, ("c connects ", "label"), (self._panel, "value")))
        title.append(part(60, ("read from the nats CLI, never written", "label")))
        self.query_one(".screen-title", Line).show(title, [part(85, (clock_time(now), "label"))])

    def _read(self) -> None:
        self._contexts, self._selected = read_contexts(self._safety, self._base), selected_context()
        options = self.query_one(ContextList)
        options.clear_options()
        options.add_options(Option(self._line(listed)) for listed in self._contexts)
        places = [listed.name for listed in self._contexts]
        if places:
            options.highlighted = places.index(self._selected) if self._selected in places else 0
        is_empty = not places
        options.display = self.query_one("#context-side").display = not is_empty
        empty = self.query_one("#no-contexts", Static)
        empty.display = is_empty
        empty.update(
            f"There is no nats context.\n\nnatstui looked for NAME.json in {sanitise(_at_home(context_directory()))}\n"
            "(in $XDG_CONFIG_HOME/nats, else ~/.config/nats). 'nats context add' makes one; r looks again."
        )
        self.refresh_bindings()

    def _line(self, listed: ListedContext) -> Content:
        name = f" {shorten(sanitise(listed.name), NAME_CELLS)} "
        pad = " " * (NAME_CELLS + 3 - len(name))
        mark = ("● ", "$text-success") if listed.name == self._selected else "  "
        if listed.options is None:
            return Content.assemble(
                mark, (name, listed.label.style), pad, (f"✕ {sanitise(listed.problem)}", "$text-error")
            )
        servers = listed.options.servers
        url = servers[0] if len(servers) == 1 else f"{servers[0]} +{len(servers) - 1}"
        warnings = listed.context.warnings if listed.context else ()
        return Content.assemble(
            mark,
            (name, listed.label.style),
            pad,
            f"{shorten_middle(sanitise(url), URL_CELLS):<{URL_CELLS}}  ",
            (f"{words}  " if (words := _safety_words(listed)) else "", "$text-warning"),
            (f"◐ {plural(len(warnings), 'warning')}  " if warnings else "", "$text-warning"),
            (sanitise(listed.context.description if listed.context else ""), "$text-muted"),
        )

    @property
    def highlighted(self) -> ListedContext | None:
        """The context under the cursor."""
        place = self.query_one(ContextList).highlighted
        return self._contexts[place] if place is not None and place < len(self._contexts) else None

    @on(OptionList.OptionHighlighted)
    def _show(self) -> None:
        listed = self.highlighted
        self.query_one(Notice).clear()
        if listed is None:
            return
        rows: list[tuple[str, str, str]] = []
        context, options = listed.context, listed.options
        if context is not None:
            rows.append(("description", context.description, ""))
        rows.append(("safety", _safety_words(listed), "$text-warning"))
        if options is not None:
            rows += [("server", server, "") for server in options.servers]
            rows += [("authentication", authentication_words(options), ""), ("TLS", tls_words(options), "")]
        if context is not None:
            rows.append(("JetStream domain", context.jetstream_domain, ""))
            rows.append(("API prefix", context.jetstream_api_prefix, ""))
            rows.append(("colour", context.color_scheme, ""))
            rows.append(("file", _at_home(context.path) if context.path else "", ""))
            rows += [("warning", warning, "$text-warning") for warning in context.warnings]
        rows.append(("problem", listed.problem, "$text-error"))
        if listed.name == self._selected:
            rows.append(("", "selected with the nats CLI", "$text-success"))
        self.query_one("#context-side").border_title = Content(sanitise(listed.name))
        lines = [
            Content.assemble((f"{label:<17}", "$text-muted"), (sanitise(words), style) if style else sanitise(words))
            for label, words, style in rows
            if words
        ]
        self.query_one("#context", Static).update(Content("\n").join(lines))

    # Choosing

    @on(OptionList.OptionSelected)
    def _opened(self) -> None:
        self._choose("new panel")

    def action_this_panel(self) -> None:
        self._choose("this panel")

    def action_all_panels(self) -> None:
        self._choose("all panels")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "this_panel":
            return bool(self._panel and self._contexts)
        return action != "all_panels" or bool(self._contexts)

    def _choose(self, use: Use) -> None:
        listed = self.highlighted
        if listed is None:
            return
        if listed.options is None:
            self.query_one(Notice).say(listed.problem)
        else:
            self.dismiss(ContextChoice(listed.options, listed.label, use))

    def action_read(self) -> None:
        """Look again at what the nats CLI has."""
        self._read()
        self.tick(self._clock.now())

    def action_back(self) -> None:
        self.dismiss(None)


def _safety_words(listed: ListedContext) -> str:
    is_read_only = listed.options is not None and listed.options.read_only
    held = (("production", listed.label.is_production), ("read-only", is_read_only))
    return ", ".join(word for word, holds in held if holds)


def _at_home(path: Path) -> str:
    """The path, with ~ for the home directory."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
