"""Every key that does something here, read from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from natstui.keys import bindings
from natstui.widgets.key_line import KeyLine, key_words
from natstui.widgets.strip_text import HELD_SHAPE, SHAPES, WORDS

LEGEND = (
    *((shape, WORDS.get(state, str(state)), state.__doc__ or "") for state, shape in SHAPES.items()),
    (HELD_SHAPE, "connected, held", ""),
)
EXPLAINED = {
    "new": "added, not opened yet",
    "opening": "being opened or woken; what you do waits for it",
    "connected": "a server answers",
    "connected, held": "past its idle timeout, kept open by its subscriptions",
    "reconnecting": "the server was lost, others are tried",
    "asleep": "closed for idleness; the next use wakes it",
    "failed": "could not be opened; the next use tries again",
    "draining": "on its way to closed",
    "closed": "takes no further use",
}


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One binding as the help shows it."""

    keys: str
    words: str
    tooltip: str
    id: str


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Bindings of one part of the dashboard."""

    title: str
    entries: tuple[KeyEntry, ...]


def key_groups(screen: Screen[object]) -> list[KeyGroup]:
    """What acts on a screen now, nearest to the focus first."""
    found: dict[int, tuple[object, dict[str, tuple[list[str], str, str, str]]]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.system or not binding.description:
            continue
        _, entries = found.setdefault(id(active.node), (active.node, {}))
        name = binding.id or ""
        # A letter and a function key of the same action are told on one line.
        keys, *_ = entries.setdefault(binding.action, ([], binding.description, binding.tooltip, name))
        if key_words(key) not in keys:
            keys.append(key_words(key))
    groups = []
    for node, entries in found.values():
        rows = tuple(
            KeyEntry("  ".join(keys[:3]), words[:1].upper() + words[1:], tooltip, name)
            for keys, words, tooltip, name in entries.values()
        )
        groups.append(KeyGroup(_title(node), rows))
    return groups


def _title(node: object) -> str:
    given = getattr(node, "KIND", "")
    if given:
        return f"{given} panel"
    name = type(node).__name__.removesuffix("Screen")
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return {"natstui app": "everywhere", "": "here"}.get(words, words)


class HelpScreen(ModalScreen[None]):
    """Keys by group, what the shapes mean, and the ids under which a keymap changes keys."""

    BINDINGS = bindings("screen.back", "app.help")

    def __init__(self, groups: Iterable[KeyGroup]) -> None:
        super().__init__()
        self._groups = tuple(groups)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as dialog:
            dialog.border_title = "keys"
            with VerticalScroll():
                yield Static(self._words(), classes="help-text")
            yield KeyLine()

    def _words(self) -> Content:
        lines: list[Content] = []
        for group in self._groups:
            lines.append(Content.assemble((group.title, "$text-primary bold")))
            for entry in group.entries:
                lines.append(
                    Content.assemble(
                        (f"  {entry.keys:<18}", "$foreground bold"),
                        f" {entry.words:<18}",
                        (f" {entry.tooltip}", "$text-muted"),
                        (f"  {entry.id}" if entry.id else "", "$text-disabled"),
                    )
                )
            lines.append(Content(""))
        lines.append(Content.assemble(("shapes", "$text-primary bold")))
        for shape, word, _ in LEGEND:
            lines.append(
                Content.assemble((f"  {shape} ", "$foreground bold"), f"{word:<34}", (EXPLAINED[word], "$text-muted"))
            )
        lines.append(Content(""))
        lines.append(
            Content.assemble(
                ("keymap", "$text-primary bold"),
                "\n  ",
                (
                    'The names at the right change keys in the settings file:  [keymap]  "dashboard.zoom" = "f11"',
                    "$text-muted",
                ),
            )
        )
        return Content("\n").join(lines)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_show_help(self) -> None:
        self.dismiss(None)
