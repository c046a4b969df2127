"""Which connection the dashboard's panels are on: one after another is changed, or all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from natstui import screens
from natstui.connection.options import ConnectOptions
from natstui.context_labels import NO_CONTEXT, ContextLabel

if TYPE_CHECKING:
    from natstui.dashboard import DashboardScreen
    from natstui.panels.base import Panel
    from natstui.screens.connect import Connecting
    from natstui.screens.contexts import ContextChoice

SAMPLE_SUBJECTS = {"subscribe": "orders.>", "publish": "orders.created", "request": "svc.echo"}
"""Subjects of the embedded server's sample traffic."""


class ConnectionChanges:
    """Connects the panels of a dashboard elsewhere."""

    def __init__(self, dashboard: DashboardScreen) -> None:
        self._dashboard = dashboard
        self._session = dashboard.session

    def edit(self, panel: Panel) -> None:
        """Let the user change a panel's connection."""

        def entered(result: Connecting | None) -> None:
            if result is None:
                return
            if result.is_for_all:
                self.ask_to_change_all(result.options)
            else:
                near = self._known_places if panel.problem else [(panel.options, panel.context)]
                context = self._context_of(result.options, near)
                self._unless_lost([panel], partial(self.change, panel, result.options, context))

        where = f" on {panel.context.words}" if panel.context.is_production else ""
        title = f"connection of panel {panel.number}, {panel.KIND}{where}"
        dialog = screens.ConnectDialog(panel.options, title, offers_all=True, confinement=self._session.confinement)
        self._dashboard.app.push_screen(dialog, entered)

    def change_all(self, options: ConnectOptions, context: ContextLabel | None = None) -> None:
        """Take a connection with other options in every panel, and in those to come."""
        panels = self._dashboard.panels
        safety = self._session.safety
        near = [(panel.options, panel.context) for panel in panels if not panel.problem]
        context = safety.label(context or self._context_of(options, [*self._known_places, *near]))
        options = safety.options(options, context)
        self._session.places.moved()
        self._session.options, self._session.context = options, context
        for panel in panels:
            self.change(panel, options, context)
        self._dashboard.show_contexts()

    def change(self, panel: Panel, options: ConnectOptions, context: ContextLabel) -> None:
        """Take a connection with other options in one panel."""
        panel.context = context
        panel.change_connection(options)
        self._dashboard.show_contexts()

    @property
    def _known_places(self) -> list[tuple[ConnectOptions, ContextLabel]]:
        """Where the session is; where that was not found, what natstui was started with stands in its dialogs."""
        session = self._session
        return [session.given] if session.places.problem else [(session.options, session.context), session.given]

    @staticmethod
    def _context_of(options: ConnectOptions, near: Sequence[tuple[ConnectOptions, ContextLabel]]) -> ContextLabel:
        """The context of the first place on the same servers: changing a detail does not lead out of a context.

        Out of production nothing leads as long as one of its servers is left.
        """
        servers = set(options.servers)
        same = [context for known, context in near if set(known.servers) == servers]
        shared = [context for known, context in near if context.is_production and servers & set(known.servers)]
        return next(iter(same + shared), NO_CONTEXT)

    def use_context(self, choice: ContextChoice | None) -> None:
        """Connect a new panel, the current one, or all of them to a context."""
        if choice is None:
            return
        self._session.places.chosen(choice.options, choice.label)
        if choice.use == "new panel":
            self._dashboard.ask_for_panel(choice)
        elif choice.use == "all panels":
            self.ask_to_change_all(choice.options, choice.label)
        elif (panel := self._dashboard.current) is not None:
            self._unless_lost([panel], partial(self.change, panel, choice.options, choice.label))

    def ask_to_change_all(self, options: ConnectOptions, context: ContextLabel | None = None) -> None:
        """As `change_all`, but where that would lose what a panel is sending, the user is asked first."""
        self._unless_lost(self._dashboard.panels, partial(self.change_all, options, context))

    def _unless_lost(self, panels: Sequence[Panel], change: Callable[[], None]) -> None:
        losses = [f"panel {panel.number}: {panel.lost_elsewhere}" for panel in panels if panel.lost_elsewhere]
        if not losses:
            change()
            return

        def answered(is_yes: bool | None) -> None:
            if is_yes:
                change()

        question = f"Connect elsewhere? In {', in '.join(losses)}."
        self._dashboard.app.push_screen(screens.Confirm(question, "connect", "stay"), answered)

    def use_embedded(self, url: str) -> None:
        """Connect every panel to the embedded server, and give panels without a subject one with traffic."""
        given = self._session.options
        options = ConnectOptions(
            servers=[url],
            ping_interval=given.ping_interval,
            max_outstanding_pings=given.max_outstanding_pings,
            idle_timeout=given.idle_timeout,
            idle_policy=given.idle_policy,
        )
        self._session.own_servers.update(options.servers)
        self.change_all(options)
        for panel in self._dashboard.panels:
            panel.suggest_subject(SAMPLE_SUBJECTS[panel.KIND])
