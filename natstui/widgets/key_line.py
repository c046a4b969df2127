"""The last line of the dashboard: the most useful keys for what has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from natstui.widgets.fitting import Part, part
from natstui.widgets.line import Line

if TYPE_CHECKING:
    from textual.binding import ActiveBinding, Binding

_NAMES = {
    "escape": "esc",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "full_stop": ".",
    "comma": ",",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


def key_words(keys: str) -> str:
    """A key as people write it: "^n", "F1", "alt+1", "esc"."""
    key = keys.partition(",")[0].strip()
    *modifiers, name = key.split("+") if key != "+" else ["+"]
    name = _NAMES.get(name, name.removesuffix("_sign"))
    if len(name) > 1 and name[0] == "f" and name[1:].isdigit():
        name = name.upper()
    if modifiers == ["ctrl"]:
        return f"^{name}"
    return "+".join([*modifiers, name])


def shown_keys(screen: Screen[object]) -> list[tuple[str, Binding, ActiveBinding]]:
    """Each binding that acts now, once, with its first key, those nearest to the focus first."""
    found: dict[tuple[int, str], tuple[str, Binding, ActiveBinding]] = {}
    for key, active in screen.active_bindings.items():
        mark = (id(active.node), active.binding.action)
        known = found.get(mark)
        # Of several keys the one that acts in a text field too is told.
        if active.enabled and (known is None or (active.binding.priority and not known[1].priority)):
            found[mark] = (key, active.binding, active)
    return list(found.values())


def _lower(words: str) -> str:
    """The words in small letters, but for names such as JSON."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words.split())


class KeyLine(Line):
    """Keys and words, read from the bindings that are active now."""

    LAST = ("app.help", "app.connections", "app.events", "dashboard.new_panel", "app.palette")
    """At the right, whatever has the focus; the first and the last of them are the last to go."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._read)
        self._read(self.screen)

    def _read(self, screen: Screen[object]) -> None:
        if screen is not self.screen:
            return
        left: list[Part] = []
        right: dict[str, Part] = {}
        for key, binding, active in shown_keys(screen):
            if not binding.show:
                continue
            words = self._words(active) or _lower(binding.description)
            if binding.id in self.LAST:
                importance = {"app.help": 90, "app.palette": 89}.get(binding.id, 40 - self.LAST.index(binding.id))
                right[binding.id] = part(importance, (key_words(key), "key"), f" {words}")
            else:
                left.append(part(80 - len(left), (key_words(key), "key"), f" {words}"))
        self.show(left, [right[name] for name in self.LAST if name in right])

    @staticmethod
    def _words(active: ActiveBinding) -> str:
        """What the node itself says its action does now; a send key stops what is being sent."""
        tell = getattr(active.node, "action_words", None)
        return tell(active.binding.action) if callable(tell) else ""
