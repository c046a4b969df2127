"""A message list in an app of its own, and what it painted."""

from __future__ import annotations

from textual import on
from textual.app import App, ComposeResult

from natstui.stream.ring import MessageRing, Record
from natstui.widgets.message_list import MessageList


def record(number: int, payload: bytes | None = None, subject: bytes = b"orders.created") -> Record:
    return (subject, b"", b'{"id": %d}' % number if payload is None else payload, b"")


def records(start: int, count: int) -> list[Record]:
    return [record(number) for number in range(start, start + count)]


class ListApp(App[None]):
    """One message list over the whole screen; keeps the messages that the list posted."""

    CSS = "Screen { layout: vertical; }"

    def __init__(self, ring: MessageRing | None = None, **options: object) -> None:
        super().__init__()
        self.ring = MessageRing() if ring is None else ring
        self.options = options
        self.opened: list[MessageList.Opened] = []
        self.follow_changes: list[tuple[bool, bool]] = []

    def compose(self) -> ComposeResult:
        yield MessageList(self.ring, **self.options)  # type: ignore[arg-type]

    def on_mount(self) -> None:
        self.messages.focus()

    @property
    def messages(self) -> MessageList:
        return self.query_one(MessageList)

    @on(MessageList.Opened)
    def note_opened(self, event: MessageList.Opened) -> None:
        self.opened.append(event)

    @on(MessageList.FollowChanged)
    def note_follow_change(self, event: MessageList.FollowChanged) -> None:
        self.follow_changes.append((event.following, event.paused))


def painted(message_list: MessageList) -> list[str]:
    """The rows on the screen, as text."""
    return [message_list.render_line(y).text for y in range(message_list.size.height)]


def ids(message_list: MessageList) -> list[int]:
    """The ids in the payloads of the rows on the screen."""
    return [int(row.split('"id": ')[1].split("}")[0]) for row in painted(message_list) if '"id": ' in row]
