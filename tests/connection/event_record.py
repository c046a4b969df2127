"""What a connection told, and when."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from natstui.connection import ManagedConnection
from natstui.connection.events import Event
from tests.waiting import until

E = TypeVar("E", bound=Event)


class EventRecord:
    """Every event of a connection since the record began, with the monotonic time at which a listener got it."""

    def __init__(self, connection: ManagedConnection) -> None:
        self.entries: list[tuple[float, Event]] = []
        self.stop = connection.add_listener(self._take)

    def _take(self, event: Event) -> None:
        self.entries.append((time.monotonic(), event))

    def of(self, kind: type[E]) -> list[E]:
        return [event for _, event in self.entries if isinstance(event, kind)]

    def times(self, kind: type[Event]) -> list[float]:
        return [at for at, event in self.entries if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for _, event in self.entries]

    def clear(self) -> None:
        self.entries.clear()

    async def first(self, kind: type[E], timeout: float = 10.0, **fields: Any) -> E:
        """Wait for the first event of `kind` whose fields are as given."""

        def found() -> list[E]:
            return [event for event in self.of(kind) if all(getattr(event, k) == v for k, v in fields.items())]

        what = f"{kind.__name__}({', '.join(f'{k}={v!r}' for k, v in fields.items())})"
        matches: list[E] = await until(found, timeout=timeout, what=what)
        return matches[0]

    def __str__(self) -> str:
        return "; ".join(str(event) for _, event in self.entries)
