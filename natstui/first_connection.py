"""What happens where the first connection fails: it is explained once, and there are ways on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from natstui import screens
from natstui.contexts import context_directory

if TYPE_CHECKING:
    from natstui.app import NatstuiApp
    from natstui.embedded import EmbeddedServer
    from natstui.panels.base import Panel
    from natstui.screens.connect import Connecting

EMBEDDED = "embedded"
"""The group of the worker that starts the embedded server; its result is the server's URL."""


class FirstConnection:
    """Shows `FirstStart` where nothing could be connected yet, and does what the user answers."""

    def __init__(self, app: NatstuiApp) -> None:
        self._app = app
        self.server: EmbeddedServer | None = None
        """The embedded server, once it was wanted."""
        self._was_connected = False
        self._told_failure = False

    def note(self, panel: Panel) -> None:
        """A panel's connection is in another state."""
        view = panel.view(self._app.session.clock.now())
        self._was_connected = self._was_connected or (view is not None and view.stats.is_connected)

    def failed(self, message: Panel.OpenFailed) -> None:
        """A panel's connection could not be opened."""
        app = self._app
        if self._was_connected or self._told_failure or app.screen is not app.dashboard:
            return
        self._told_failure = True
        offers_embedded = app.session.confinement is None
        app.push_screen(
            screens.FirstStart(
                message.panel.options.servers,
                message.error,
                said_by=self._said_by(message.panel),
                offers_embedded=offers_embedded,
            ),
            self._answered,
        )

    def _said_by(self, panel: Panel) -> str:
        """Who said that this is where to connect; where nobody did, where natstui looked."""
        launch = self._app.launch
        if panel.options.servers != launch.options.servers:
            return f"the context {panel.context.name} says so" if panel.context.name else ""
        settings = launch.settings
        if settings.context and settings.provenance["servers"].startswith("context"):
            return f"the nats context {settings.context} says so ({settings.provenance['context']})"
        if settings.provenance["servers"] != "default":
            return "" if settings.provenance["servers"] == "program" else f"{settings.provenance['servers']} says so"
        if self._app.session.confinement is not None or settings.config_file is None:
            return ""
        from natstui.places import path_words

        return (
            "nothing says where: no --server or --context, no NATSTUI_SERVERS or NATS_URL, no context selected in "
            f"{path_words(context_directory().parent)}, no servers in {path_words(settings.config_file)}"
        )

    def _answered(self, answer: str | None) -> None:
        match answer:
            case "connect":
                self.ask("Connect")
            case "embedded" if self._app.session.confinement is None:
                self._start_embedded()
            case "retry":
                self._told_failure = False
                for panel in self._app.dashboard.panels:
                    panel.action_reconnect()
            case _:
                pass

    def ask(self, title: str) -> None:
        """Ask where to connect every panel."""
        session = self._app.session
        dialog = screens.ConnectDialog(session.options, title, confinement=session.confinement)
        self._app.push_screen(dialog, self._connect_elsewhere)

    def _connect_elsewhere(self, result: Connecting | None) -> None:
        self._told_failure = False
        if result is not None:
            self._app.dashboard.connections.ask_to_change_all(result.options)

    def _start_embedded(self) -> None:
        self._app.tell("Starting a nats-server of your own …")
        self._app.run_worker(
            self._embed(),
            group=EMBEDDED,
            name="embedded server",
            description="Starting the embedded server",
            exclusive=True,
            exit_on_error=False,
        )

    async def _embed(self) -> str:
        from natstui.embedded import EmbeddedServer

        server = self.server or EmbeddedServer()
        self.server = server
        return await server.start_async()

    async def close(self) -> None:
        """End the embedded server, where there is one."""
        if self.server is not None:
            await self.server.stop_async()
