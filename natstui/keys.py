"""Every key of the dashboard: one registry, so that a key, its words, tooltip and id stand in one place only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """One key binding."""

    keys: str
    """The keys, separated by commas; the first is the one that is shown."""
    action: str
    words: str
    """What it does, in a word or two."""
    tooltip: str
    """What it does, in a sentence."""
    show: bool = False
    """Whether the line of keys at the bottom shows it."""
    priority: bool = False
    """Whether it acts while a text field has the focus as well."""


KEYS: dict[str, Key] = {
    # Everywhere
    "app.help": Key("f1", "show_help", "help", "Every key that does something here, and what it does", True, True),
    "app.help_letter": Key("question_mark", "show_help", "Help", "Every key that does something here"),
    "app.connections": Key(
        "f2",
        "show_connections",
        "connections",
        "All connections with every figure, their servers and pings",
        True,
        True,
    ),
    "app.events": Key("f3", "show_events", "events", "The log of all connection events", True, True),
    "app.contexts": Key(
        "ctrl+t,f12", "show_contexts", "Contexts", "The nats CLI's contexts: open a panel on one", False, True
    ),
    "app.save_workspace": Key(
        "ctrl+g",
        "save_workspace",
        "Save workspace",
        "Save panels, filters, drafts and layout",
        False,
        True,
    ),
    "app.open_workspace": Key(
        "ctrl+o", "open_workspace", "Open workspace", "Open a saved workspace in place of what is here", False, True
    ),
    "app.palette": Key("ctrl+p", "command_palette", "palette", "Search every action by its name", True, True),
    "app.palette_letter": Key("colon", "command_palette", "Palette", "Search every action by its name"),
    "app.quit": Key("ctrl+q", "quit", "Quit", "Close every connection and leave", False, True),
    # The dashboard
    "dashboard.new_panel": Key("ctrl+n", "new_panel", "new panel", "Open a panel beside these", True, True),
    "dashboard.close_panel": Key(
        "ctrl+w,ctrl+f4",
        "close_panel",
        "Close panel",
        "Close this panel and its connection; in a text field ctrl+w deletes the word to the left",
    ),
    "dashboard.zoom": Key("f4,ctrl+f", "zoom", "zoom", "Give this panel the whole screen, or put it back", True, True),
    "dashboard.zoom_letter": Key("z", "zoom", "Zoom", "Give this panel the whole screen, or put it back"),
    "dashboard.unzoom": Key("escape", "unzoom", "Put back", "Put the panel back among the others"),
    "dashboard.next_panel": Key("f6", "step_panel(1)", "Next panel", "Move the focus to the next panel", False, True),
    "dashboard.previous_panel": Key(
        "shift+f6", "step_panel(-1)", "Previous panel", "Move the focus to the previous panel", False, True
    ),
    "dashboard.move_left": Key(
        "f7,alt+left", "move_panel(-1)", "Move panel back", "Swap this panel with the one before it", False, True
    ),
    "dashboard.move_right": Key(
        "f8,alt+right", "move_panel(1)", "Move panel on", "Swap this panel with the one after it", False, True
    ),
    "dashboard.layout": Key(
        "f9", "next_layout", "Next layout", "Arrange the panels as a grid, in columns, in rows, or as tabs", False, True
    ),
    # Any panel
    "panel.next_field": Key("tab", "step_field(1)", "Next field", "Move the focus within this panel"),
    "panel.previous_field": Key(
        "shift+tab", "step_field(-1)", "Previous field", "Move the focus back within this panel"
    ),
    "panel.leave_field": Key(
        "escape", "leave_field", "Leave field", "Leave the text field, so that single letters act"
    ),
    "panel.edit_connection": Key(
        "f10",
        "edit_connection",
        "Edit connection",
        "Change this panel's server, credentials, pings or idle time",
        False,
        True,
    ),
    "panel.edit_connection_letter": Key("e", "edit_connection", "Edit connection", "Change this panel's connection"),
    "panel.reconnect": Key("r", "reconnect", "Reconnect", "Connect anew now, or try again where it failed"),
    "panel.fault_drill": Key(
        "d",
        "fault_drill",
        "Fault drill",
        "Stall, drop or reconnect this panel's connection on purpose, and watch it noticed and mended",
    ),
    "panel.sleep": Key("s", "sleep", "Sleep", "Close the connection until this panel is used again"),
    # One kind of panel
    "subscribe.apply": Key("f5", "apply", "Subscribe", "Subscribe to what the fields say now", False, True),
    "subscribe.clear": Key("x", "clear", "Clear list", "Empty the list of messages; the counts stay"),
    "subscribe.edit": Key("i", "edit_subjects", "subjects", "Change the subjects and the queue group", True),
    "publish.send": Key("f5,ctrl+s", "send", "send", "Publish the draft; while it repeats, stop", True, True),
    "publish.history": Key(
        "ctrl+r", "history", "history", "What was sent in this session: recall it or send it again", True, True
    ),
    "publish.older": Key("ctrl+up", "recall(1)", "Older draft", "Recall what was sent before this", False, True),
    "publish.newer": Key("ctrl+down", "recall(-1)", "Newer draft", "Recall what was sent after this", False, True),
    "publish.format": Key("ctrl+l", "format_json", "Format JSON", "Lay the payload out as indented JSON", False, True),
    "request.send": Key("f5,ctrl+s", "send", "ask", "Send the request; while it waits for replies, stop", True, True),
    "request.format": Key("ctrl+l", "format_json", "Format JSON", "Lay the payload out as indented JSON", False, True),
    "replies.open": Key("enter", "open", "detail", "Show the whole reply", True),
    "replies.clear": Key("x", "clear", "Clear replies", "Empty the list of replies"),
    # Screens
    "screen.back": Key("escape,q", "back", "back", "Back to the dashboard", True),
    "connections.sleep": Key(
        "s", "sleep", "sleep", "Close the selected connection until its panel is used again", True
    ),
    "connections.reconnect": Key("r", "reconnect", "reconnect", "Connect the selected connection anew, now", True),
    "connections.health": Key(
        "h", "check_health", "check health", "Ping the server and check the client's own tasks", True
    ),
    "connections.copy": Key("y", "copy_stats", "copy JSON", "Copy the selected connection's stats as JSON", True),
    "connections.edit": Key("e", "edit_connection", "edit", "Change the selected connection", True),
    "connections.drill": Key(
        "d", "fault_drill", "Fault drill", "Stall, drop or reconnect the selected connection on purpose, and watch"
    ),
    "contexts.open": Key("enter", "select", "open panel", "Open a new panel on this context", True),
    "contexts.this_panel": Key("c", "this_panel", "connect this panel", "Connect the panel you came from to it", True),
    "contexts.all_panels": Key("a", "all_panels", "connect all", "Connect every panel, and those to come, to it", True),
    "contexts.read": Key("r", "read", "read again", "Look again at what the nats CLI has", True),
    "events.filter": Key("slash", "filter", "filter", "Show only events that hold these words", True),
    "events.pings": Key("p", "toggle_pings", "pings", "Show or hide pings and pongs", True),
    "events.follow": Key("space", "toggle_follow", "pause", "Hold the log still, or follow it again", True),
    "dialog.accept": Key(
        "f5,ctrl+s", "accept", "connect", "Try what the fields say, and take it if it works", True, True
    ),
    "dialog.untried": Key(
        "f8", "accept_untried", "take untried", "Take what the fields say without trying", True, True
    ),
    "dialog.cancel": Key(
        "escape", "cancel", "cancel", "Leave everything as it was; while it connects, stop that", True
    ),
    "dialog.next_section": Key("pagedown", "step_section(1)", "Next section", "To the next heading", True, True),
    "dialog.previous_section": Key(
        "pageup", "step_section(-1)", "Previous section", "To the heading before", False, True
    ),
    "section.toggle": Key("enter,space", "turn", "fold", "Show or hide what is under this heading", True),
    "section.open": Key("right,plus", "turn(True)", "Open", "Show what is under this heading"),
    "section.close": Key("left,minus", "turn(False)", "Fold", "Hide what is under this heading"),
    "drill.begin": Key("f5,enter", "begin", "start", "Make the fault now; once it is over, choose another one", True),
    "drill.leave": Key("escape", "leave", "leave", "Back to the panel; the drill goes on, and its end is told", True),
    "start.connect": Key("c", "connect", "connect elsewhere", "Enter another server and credentials", True),
    "start.embedded": Key(
        "e", "embedded", "embedded server", "Start a nats-server of your own with sample traffic", True
    ),
    "start.retry": Key("r", "retry", "try again", "Try the same server again", True),
    "workspaces.open": Key("enter", "select", "open", "Open this workspace in place of what is here", True),
    "history.recall": Key("enter", "select", "recall", "Put it back into the draft", True),
    "history.resend": Key("f5", "resend", "send again", "Publish it again as it was", True),
    "columns.toggle": Key("space", "show", "show", "Show this column, or leave it out", True),
    "columns.earlier": Key("shift+up,K", "shift(-1)", "earlier", "Put this column before the one above", True),
    "columns.later": Key("shift+down,J", "shift(1)", "later", "Put this column after the one below", True),
    "columns.narrower": Key("left,minus", "widen(-1)", "narrower", "Make this column a cell narrower", True),
    "columns.wider": Key("right,plus", "widen(1)", "wider", "Make this column a cell wider", True),
    "columns.auto": Key("0,a", "auto", "own width", "Let this column be as wide as it needs", True),
    "columns.reset": Key("d", "reset", "default", "Time, subject and payload, as they were at first", True),
    "columns.accept": Key("enter", "accept", "keep", "Keep the columns, for lists to come too", True),
    "columns.cancel": Key("escape", "cancel", "undo", "Put the columns back as they were", True),
    "filters.use": Key("enter", "select", "use", "Use this filter", True),
    "filters.forget": Key("x,delete", "forget", "forget", "Remember this filter no longer", True),
    "choice.next": Key("right,space,down", "step(1)", "Next choice", "Choose the next word"),
    "choice.previous": Key("left,up", "step(-1)", "Previous choice", "Choose the word before"),
    "connection_table.up": Key("up,k", "move(-1)", "Up", "To the connection above"),
    "connection_table.down": Key("down,j", "move(1)", "Down", "To the connection below"),
    "confirm.yes": Key("enter,y", "answer(True)", "Yes", "Do it"),
    "confirm.no": Key("escape,n", "answer(False)", "No", "Leave it"),
    "confirm_typed.cancel": Key("escape", "cancel", "send nothing", "Send nothing, and go back"),
    "new_panel.subscribe": Key("s", "choose('subscribe')", "Subscribe", "Messages of one or more subjects"),
    "new_panel.publish": Key("p", "choose('publish')", "Publish", "Send a message, once or many times"),
    "new_panel.request": Key("r", "choose('request')", "Request", "Ask, and see who answers"),
    "new_panel.cancel": Key("escape", "choose('')", "Cancel", "Open no panel"),
}
"""Bindings by their stable ids, under which a keymap changes them."""

for _number in range(1, 10):
    _go = (f"go_to_panel({_number})", f"Panel {_number}", f"Move the focus to panel {_number}")
    KEYS[f"dashboard.panel_{_number}"] = Key(f"alt+{_number}", *_go, False, True)
    KEYS[f"dashboard.panel_{_number}_digit"] = Key(f"{_number}", *_go)

for _list, _row in (("replies", "reply"), ("event_list", "event")):
    for _name, _keys, _action, _words, _tooltip in (
        ("up", "up,k", "move(-1)", "Up", f"One {_row} up"),
        ("down", "down,j", "move(1)", "Down", f"One {_row} down"),
        ("page_up", "pageup", "page(-1)", "Page up", "One page up"),
        ("page_down", "pagedown", "page(1)", "Page down", "One page down"),
        ("first", "home,g", "move(-1000000)", "Oldest", f"To the oldest {_row} kept"),
        ("last", "end,G", "move(1000000)", "Newest", f"To the newest {_row}, and follow"),
    ):
        KEYS[f"{_list}.{_name}"] = Key(_keys, _action, _words, _tooltip)

LIST_KEYS = ("up", "down", "page_up", "page_down", "first", "last")
"""What every list is moved through with."""


def bindings(*ids: str) -> list[BindingType]:
    """The Textual bindings registered under these ids."""
    return [
        Binding(key.keys, key.action, key.words, show=key.show, priority=key.priority, tooltip=key.tooltip, id=name)
        for name, key in ((name, KEYS[name]) for name in ids)
    ]


def check_keymap(keymap: Mapping[str, str], known: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Separate what can be used of a keymap from what cannot.

    Returns:
        The valid entries, and one sentence for each other one.
    """
    ids = set(known)
    valid: dict[str, str] = {}
    problems: list[str] = []
    for name, keys in keymap.items():
        if name not in ids:
            problems.append(f"The keymap names {name!r}, which is no binding; F1 shows their names.")
        elif not isinstance(keys, str) or not all(key.strip() for key in keys.split(",")):
            problems.append(f"The keymap gives {name} no usable key; write for example 'f4' or 'ctrl+t,f4'.")
        else:
            valid[name] = ",".join(key.strip() for key in keys.split(","))
    return valid, problems


class _Named(NamedTuple):
    value: str


def free_alt_digits() -> None:
    """Let alt+1 to alt+9 be keys, at once: Textual 8 reads them as the characters that macOS types with them (¡ …)."""
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

    for digit in range(10):
        cast(dict[str, object], ANSI_SEQUENCES_KEYS)[f"\x1b{digit}"] = (_Named(f"alt+{digit}"),)
