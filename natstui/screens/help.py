"""Every key that does something here, read from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input, Static, TextArea

from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.widgets.key_line import KeyLine, key_words
from natstui.widgets.strip_text import HELD, SHAPES, SILENT
from natstui.widgets.strip_text import WORDS as STATE_WORDS

KEYS, WORDS, IDS = 16, 17, 27
"""Cells of the columns of keys, words and ids."""

WIDE = 112
"""Cells from which on the ids are shown."""

SHAPES_AND_WORDS = (*((shape, STATE_WORDS.get(state, str(state))) for state, shape in SHAPES.items()), HELD, SILENT)
EXPLAINED = {
    "new": "added, not opened yet",
    "opening": "being opened or woken; what you do waits for it",
    "connected": "a server answers",
    "connected, held": "past its idle timeout, kept open by its subscriptions",
    "connected, silent": "pings go unanswered; given up when too many do",
    "reconnecting": "the server was lost, others are tried",
    "asleep": "closed for idleness; the next use wakes it",
    "failed": "could not be opened; the next use tries again",
    "draining": "on its way to closed",
    "closed": "takes no further use",
}


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One binding as the help shows it."""

    keys: tuple[str, ...]
    words: str
    tooltip: str
    id: str


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Bindings of one part of the dashboard."""

    title: str
    entries: tuple[KeyEntry, ...]


def key_groups(screen: Screen[Any], keymap: Mapping[str, str]) -> list[KeyGroup]:
    """What acts on a screen now, nearest to the focus first; in a text field also what acts once it is left.

    Args:
        keymap: the keys that the user changed, by the ids of their bindings.
    """
    found: dict[int, tuple[DOMNode, dict[str, KeyEntry]]] = {}

    def note(node: DOMNode, key: str, binding: Binding) -> None:
        if binding.system or not binding.description or not (binding.tooltip or binding.id):
            return
        entries = found.setdefault(id(node), (node, {}))[1]
        # A letter and a function key of the same action are told on one line.
        known = entries.get(binding.action)
        keys = known.keys if known is not None else ()
        if key_words(key) not in keys:
            words = binding.description[:1].upper() + binding.description[1:]
            name = known.id if known is not None else binding.id or ""
            entries[binding.action] = KeyEntry((*keys, key_words(key)), words, binding.tooltip, name)

    for key, active in screen.active_bindings.items():
        note(active.node, key, active.binding)
    if isinstance(screen.focused, Input | TextArea):
        for node in screen.focused.ancestors:
            for binding in _own_bindings(node):
                if not node.check_action(*_action(binding)):
                    continue
                for key in keymap.get(binding.id or "", binding.key).split(","):
                    if len(key_words(key)) == 1:
                        note(node, key, binding)
    return [KeyGroup(_title(node), tuple(entries.values())) for node, entries in found.values()]


def _own_bindings(node: DOMNode) -> Iterator[Binding]:
    """The bindings that a node's classes of this project have."""
    for one in type(node).__mro__:
        if one.__module__.startswith("natstui"):
            yield from (binding for binding in one.__dict__.get("BINDINGS", ()) if isinstance(binding, Binding))


def _action(binding: Binding) -> tuple[str, tuple[object, ...]]:
    _, name, parameters = parse(binding.action)
    return name, parameters


def _title(node: DOMNode) -> str:
    given = getattr(node, "KIND", "")
    if given:
        return f"{given} panel"
    name = type(node).__name__.removesuffix("Screen")
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return {"natstui app": "everywhere", "": "here"}.get(words, words)


class HelpScreen(Dialog[None]):
    """Keys by group, what the shapes mean, and the ids under which a keymap changes keys."""

    BINDINGS = bindings("screen.back")

    def __init__(self, groups: Iterable[KeyGroup]) -> None:
        super().__init__()
        self._groups = tuple(groups)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall") as dialog:
            dialog.border_title = "keys"
            with VerticalScroll():
                yield Static(classes="help-text", markup=False)
            yield KeyLine()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        width = self.query_one(VerticalScroll).scrollable_content_region.width
        self.query_one(".help-text", Static).update(self._words(width))

    def _words(self, width: int) -> Content:
        """The help in lines of `width` cells; the ids stand at the right where there is room for them."""
        ids = IDS if width >= WIDE else 0
        lines: list[Content] = []
        for group in self._groups:
            lines.append(Content.styled(group.title, "$text-primary bold"))
            for entry in group.entries:
                lines.extend(_lines(entry, width - ids, ids))
            lines.append(Content(""))
        lines.append(Content.styled("what the shapes mean", "$text-primary bold"))
        for shape, word in SHAPES_AND_WORDS:
            lines.append(Content.assemble(f"  {shape} {word:<{KEYS + WORDS - 2}}", (EXPLAINED[word], "$text-muted")))
        lines.append(Content(""))
        lines.append(Content.styled("other keys", "$text-primary bold"))
        told = "The settings file changes them by the ids that a wide screen shows at the right:"
        lines.extend(Content.styled(f"  {line}", "$text-muted") for line in wrap(told, max(20, width - 2)))
        lines.append(Content('  [keymap]\n  "dashboard.zoom" = "f11"'))
        return Content("\n").join(lines)

    def action_back(self) -> None:
        self.dismiss(None)


def _lines(entry: KeyEntry, width: int, ids: int) -> list[Content]:
    """One binding, its tooltip wrapped beneath itself."""
    indent = 2 + KEYS + WORDS
    tooltip = wrap(entry.tooltip, max(20, width - indent - 2)) or [""]
    first = Content.assemble(
        (f"  {'  '.join(entry.keys[:3]):<{KEYS}}", "bold"),
        f"{entry.words:<{WORDS}}",
        (f"{tooltip[0]:<{max(0, width - indent)}}" if ids else tooltip[0], "$text-muted"),
        (entry.id if ids else "", "$text-disabled"),
    )
    return [first, *(Content.styled(" " * indent + line, "$text-muted") for line in tooltip[1:])]
