from __future__ import annotations

import stat
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.app import App
from textual.widgets import Input, Static

from natstui.screens.message_detail import MessageDetail
from natstui.stream.ring import MessageRing
from natstui.widgets.message_body import MessageBody
from natstui.widgets.message_document import View
from tests.waiting import until


class DetailApp(App[None]):
    """Shows one message of a ring at once."""

    def __init__(self, ring: MessageRing, index: int, directory: Path | None = None) -> None:
        super().__init__()
        self.ring, self.index, self.directory = ring, index, directory
        self.closed_at: int | None = None

    def on_mount(self) -> None:
        self.push_screen(MessageDetail(self.ring, self.index, directory=self.directory), self.closed)

    def closed(self, index: int | None) -> None:
        self.closed_at = index

    @property
    def detail(self) -> MessageDetail:
        assert isinstance(self.screen, MessageDetail)
        return self.screen

    @property
    def body(self) -> MessageBody:
        return self.detail.query_one(MessageBody)

    @property
    def outcome(self) -> str:
        return str(self.detail.query_one("#outcome", Static).content)

    def painted(self) -> str:
        return "\n".join(self.body.render_line(y).text.rstrip() for y in range(self.body.size.height))


def content(path: Path) -> tuple[bytes, int]:
    return path.read_bytes(), stat.S_IMODE(path.stat().st_mode)


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def ring() -> MessageRing:
    ring = MessageRing(clock=lambda: 1_760_000_000.0)
    ring.extend([(b"orders.created", b"", b'{"id":1,"vip":true}', b"NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n")])
    ring.mark_gap("offline 4.2 s: messages may be missing")
    ring.extend([(b"orders.note", b"", b"plain words", b""), (b"orders.blob", b"_INBOX.7", b"\x00\x01\xff", b"")])
    return ring


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (40, 10)])
async def test_json_is_shown_indented_with_everything_around_it(size: tuple[int, int]) -> None:
    app = DetailApp(ring(), 0)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        shown = app.painted()
        assert "orders.created" in shown
        assert "Nats-Msg-Id  1" in shown
        await pilot.press("end")
        await pilot.pause()
        assert '  "id": 1,\n  "vip": true\n}' in app.painted()


async def test_switching_the_view_by_key() -> None:
    app = DetailApp(ring(), 0)
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.detail.view is View.JSON
        await pilot.press("t")
        assert '{"id":1,"vip":true}' in app.painted()
        await pilot.press("x")
        assert '00000000  7b 22 69 64 22 3a 31 2c  22 76 69 70 22 3a 74 72  {"id":1,"vip":tr' in app.painted()
        await pilot.press("j")
        assert '  "id": 1,' in app.painted()
        for view in (View.TEXT, View.HEX, View.JSON):
            await pilot.press("tab")
            assert app.detail.view is view


async def test_next_and_previous_stay_in_the_screen_and_pass_over_gaps() -> None:
    app = DetailApp(ring(), 0)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("p")
        assert app.outcome == "This is the oldest message kept."
        await pilot.press("n")
        assert (app.detail.index, app.detail.view) == (2, View.TEXT)
        assert "plain words" in app.painted()
        assert app.outcome == ""
        await pilot.press("n")
        assert (app.detail.index, app.detail.view) == (3, View.HEX)
        assert "00 01 ff" in app.painted()
        await pilot.press("n")
        assert app.outcome == "This is the newest message."
        app.ring.extend([(b"s", b"", b"late", b"")])
        await pilot.press("n", "p", "escape")
        assert app.closed_at == 3


async def test_the_message_stays_when_the_ring_drops_it() -> None:
    kept = ring()
    app = DetailApp(kept, 0)
    async with app.run_test(size=(100, 30)) as pilot:
        kept.capacity = 1
        await pilot.press("t", "p", "n")
        assert app.detail.index == 3


async def test_copying_the_payload() -> None:
    app = DetailApp(ring(), 2)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("y")
        assert app.clipboard == "plain words"
        assert app.outcome == "Copied 11 bytes."


async def test_a_payload_too_large_to_copy_says_so() -> None:
    large = MessageRing()
    large.extend([(b"s", b"", b"x" * 1_000_000, b"")])
    app = DetailApp(large, 0)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("y")
        assert app.clipboard == ""
        assert app.outcome == "1,000,000 bytes are too many for the clipboard: save them to a file (s)."


async def test_saving_the_payload_asks_before_it_overwrites(tmp_path: Path) -> None:
    app = DetailApp(ring(), 3, tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("s")
        field = app.detail.query_one(Input)
        path = Path(field.value)
        assert path == tmp_path / "orders.blob-20251009T085320.bin"
        await pilot.press("enter")
        await until(lambda: app.outcome == f"Saved 3 bytes to {path}")
        assert content(path) == (b"\x00\x01\xff", 0o600)

        put(path, b"mine")
        await pilot.press("s", "enter")
        await until(lambda: "exists: enter again overwrites it, or change the name." in app.outcome)
        assert content(path) == (b"mine", 0o600)
        await pilot.press("x", "backspace", "enter")
        await until(lambda: "exists: enter again" in app.outcome)
        assert content(path) == (b"mine", 0o600)
        await pilot.press("enter")
        await until(lambda: content(path)[0] == b"\x00\x01\xff")
        await pilot.pause()
        assert app.focused is app.body


async def test_a_place_that_cannot_be_written_is_told_and_escape_goes_back(tmp_path: Path) -> None:
    app = DetailApp(ring(), 0, tmp_path / "nowhere")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("s", "enter")
        await until(lambda: "cannot be written (No such file or directory): choose another place." in app.outcome)
        await pilot.press("escape")
        assert app.outcome == ""
        assert isinstance(app.screen, MessageDetail)
        await pilot.press("escape")
        await pilot.pause()
        assert app.closed_at == 0


async def test_keys_do_not_act_while_the_name_is_typed(tmp_path: Path) -> None:
    app = DetailApp(ring(), 0, tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("s", "end", "n", "x", "j")
        assert app.detail.query_one(Input).value.endswith(".jsonnxj")
        assert app.detail.index == 0


async def test_hostile_messages_are_shown_as_they_are() -> None:
    hostile = MessageRing()
    many = b"NATS/1.0\r\n" + b"".join(b"[/x]%d: \x1b[31m\xff\r\n" % number for number in range(10_000)) + b"\r\n"
    payloads = [
        b"[/x] \x1b]0;x\x07 \x9b31m",
        b'{"a": "\x1b]0;x\x07", "[/x]": "\xe2\x80\xae"}',
        b"x" * 1_000_000,
        b'{"a":"' + b"x" * 1_000_000 + b'"}',
        ("日本" * 100_000).encode(),
        ("e\u0301" * 10_000).encode(),
        b"[" * 100_000,
        b"\xff" * 1_000,
        b"",
    ]
    few = b"NATS/1.0\r\n[/x]: \x1b[31m\xff\r\n\r\n"
    for number, payload in enumerate(payloads):
        hostile.extend([(b"[/x]\x1b[2J" * 400, b"\x9b[/y]", payload, few if number else many)])
    app = DetailApp(hostile, 0)
    async with app.run_test(size=(80, 24)) as pilot:
        for number in range(len(payloads)):
            for key in ("j", "t", "x") if number else ("j", "t", "x", "h", "end", "home", "h"):
                await pilot.press(key)
                for y in range(app.body.size.height):
                    strip = app.body.render_line(y)
                    assert strip.text.isprintable()
                    assert cell_len(strip.text) == app.body.scrollable_content_region.width
            await pilot.press("n")


async def test_selected_text_is_whole_where_it_was_only_wrapped() -> None:
    words = MessageRing()
    words.extend([(b"s", b"", b"word " * 40, b"")])
    app = DetailApp(words, 0)
    async with app.run_test(size=(60, 24)) as pilot:
        await pilot.pause()
        app.body.text_select_all()
        await pilot.pause()
        selected = app.screen.get_selected_text()
        assert selected is not None
        assert "word " * 40 in selected + " "


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no message 1 to show"):
        MessageDetail(ring(), 1)
    with pytest.raises(ValueError, match="There is no message 99 to show"):
        MessageDetail(ring(), 99)


def test_every_key_has_a_stable_id_and_a_tooltip() -> None:
    for binding in [*MessageDetail.BINDINGS, *MessageBody.BINDINGS]:
        assert binding.id is not None and binding.id.startswith("message.")  # type: ignore[union-attr]
        assert binding.tooltip  # type: ignore[union-attr]
