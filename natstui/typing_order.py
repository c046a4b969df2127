"""Keys act one after the other: what is typed goes where the focus is once the key before it has acted."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events
from textual.dom import DOMNode

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.timer import Timer

PATIENCE = 1.0
"""Seconds that input waits for a key before it at most, should what it does never end."""

ROUNDS = 2
"""Ways up through all handlers: one for the key itself, one for the messages that its handlers post."""

MOST_SCREENS = 4
"""Screens that one key opens or closes in a row, at most."""


class TypingOrder:
    """Holds input back while a key that may move the focus is being acted on.

    Textual hands each key to the widget that has the focus when the key is read, and the widget acts on it later. Of
    "a.x", tab and a payload, read at once, all would go to the first field: a message to a subject that nobody wrote.

    Args:
        route: does with an event what Textual does.
    """

    def __init__(self, app: App[Any], route: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._route = route
        self._waiting: deque[events.Event] = deque()
        self._holds = False
        self._typed_into: DOMNode | None = None
        """Where text went that may not have been taken up yet."""
        self._turn = 0
        self._timer: Timer | None = None

    @staticmethod
    def concerns(event: events.Event) -> bool:
        """Whether an event is input that has to keep its place among the keys."""
        if isinstance(event, events.MouseMove) or getattr(event, "is_forwarded", False):
            return False
        return isinstance(event, events.InputEvent | events.Paste)

    async def take(self, event: events.Event) -> None:
        """Pass an event on in its turn. Called in the app's own task only."""
        self._waiting.append(event)
        await self._pass_on()

    async def _pass_on(self) -> None:
        app = self._app
        while self._waiting and not self._holds:
            event = self._waiting[0]
            screen, target = app.screen, app.focused or app.screen
            is_text = self._is_text(event)
            if self._typed_into is not None and not is_text:
                # Keys of the app act at once: without this, "send" overtakes the last letters of what is sent.
                self._hold(self._typed_into, screen)
                self._typed_into = None
                return
            self._waiting.popleft()
            far = not is_text and self._leads_far(event)
            await self._route(event)
            if is_text:
                self._typed_into = target
            else:
                self._hold(target, screen, far)

    def _is_text(self, event: events.Event) -> bool:
        """Whether an event only adds text where the focus is."""
        if not isinstance(event, events.Key):
            return isinstance(event, events.Paste)
        focused = self._app.focused
        if focused is None or "+" in event.key:
            return False
        return focused.check_consume_key(event.key, event.character)

    def _leads_far(self, event: events.Event) -> bool:
        """Whether the focus may come to rest only once the screen is painted anew."""
        if not isinstance(event, events.Key):
            return isinstance(event, events.MouseDown | events.MouseUp)
        bound = self._app.screen.active_bindings.get(event.key)
        return bound is not None and (bound.binding.id or "").startswith("dashboard.")

    # What a key sets off is over when it has passed every handler that the key passes, up to the app.

    def _hold(self, target: DOMNode, screen: Screen[Any], far: bool = False) -> None:
        self._holds = True
        self._turn += 1
        turn = self._turn
        self._timer = self._app.set_timer(PATIENCE, partial(self._release, turn), name="a key's patience")
        path = [*target.ancestors_with_self]
        self._climb(iter(path * ROUNDS), partial(self._look_around, turn, screen, far, MOST_SCREENS))

    def _climb(self, nodes: Iterator[DOMNode], then: Callable[[], Any]) -> None:
        """Wait behind all that is in the queue of each node, then go on in the app's."""
        for node in nodes:
            if node.is_running and node.call_later(self._climb, nodes, then):
                return
        self._app.call_later(then)

    async def _look_around(self, turn: int, screen: Screen[Any], far: bool, most: int) -> None:
        """Where another screen came up, or panels move, the focus is found after the next paint."""
        if turn != self._turn:
            return
        now = self._app.screen
        if not most or (now is screen and not far):
            await self._release(turn)
            return
        then = partial(self._look_around, turn, now, False, most - 1)
        now.call_after_refresh(self._climb, iter([now, self._app]), then)

    async def _release(self, turn: int) -> None:
        if turn != self._turn or not self._holds:
            return
        self._holds = False
        if self._timer is not None:
            self._timer.stop()
        await self._pass_on()
