"""What a session's settings forbid on its connections, wherever their options come from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from natstui.context_labels import ContextLabel
from natstui.context_rules import matching

if TYPE_CHECKING:
    from natstui.connection.options import ConnectOptions
    from natstui.launch import Launch


class Safety:
    """Read-only and production, as the settings have them; every panel's connection passes through here."""

    def __init__(self, launch: Launch) -> None:
        self._settings = launch.settings
        of_its_context = self._settings.safety_of(launch.context_name).read_only
        self.is_read_only = self._settings.read_only or (launch.options.read_only and not of_its_context)
        """Whether the whole session is, whatever the context."""

    def label(self, label: ContextLabel) -> ContextLabel:
        """A context's label, with what the settings say of it."""
        is_production = self._settings.safety_of(label.name).is_production
        return label if label.is_production == is_production else replace(label, is_production=is_production)

    def options(self, options: ConnectOptions, context: ContextLabel) -> ConnectOptions:
        """The options of a connection to a context: what was read-only stays so, and what has to be becomes so."""
        if options.read_only or not (self.is_read_only or self._settings.safety_of(context.name).read_only):
            return options
        return options.replace(read_only=True)

    def elsewhere(self, options: ConnectOptions) -> ConnectOptions:
        """The options to go to another context with: what is read-only for the sake of this one alone ends there."""
        return options if options.read_only is self.is_read_only else options.replace(read_only=self.is_read_only)

    def why_read_only(self, context: ContextLabel) -> str:
        """Why nothing can be sent, and what to do about it, in one sentence."""
        settings = self._settings
        if self.is_read_only:
            origin = settings.provenance["read_only"]
            by = f" ({'--read-only on the command line' if origin == 'command line' else origin})"
            way = "ask whoever hosts this" if settings.hosted else "start it without, to send"
            return f"Nothing was sent: natstui is read-only{by if settings.read_only else ''}; {way}."
        tables = [name for name in matching(context.name, settings.contexts) if settings.contexts[name].read_only]
        if tables:
            where = settings.config_file or "the settings"
            return f'Nothing was sent: {context.name or "it"} is read-only by [contexts."{tables[0]}"] in {where}.'
        return (
            "Nothing was sent: the connection was read-only before it was changed, and stays so; "
            "open a panel on the context that you mean (ctrl+t) to send."
        )
