"""Where the panels of one run are connected, as a workspace says it and as it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from natstui.places import Place, find_place, place_of

if TYPE_CHECKING:
    from natstui.connection.options import ConnectOptions
    from natstui.context_labels import ContextLabel
    from natstui.panels.base import Panel
    from natstui.session import Session


class PanelPlaces:
    """Finds the places that a workspace names, and names those that panels are at."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._given = options, context = session.given
        self._origins: dict[str, ConnectOptions] = {context.name: options} if context.name else {}
        """What contexts alone say, by their names."""
        self.problem = ""
        """Why the connection of the session cannot be opened; empty where it can."""
        self._kept: Place | None = None
        """What is saved as the session's place, whatever it is connected to."""

    def use(self, place: Place | None) -> None:
        """Connect the session where a workspace says; None for where natstui was started."""
        session = self._session
        (session.options, session.context), self.problem, self._kept = self._given, "", None
        if place is None:
            return
        if session.launch.is_connection_given:
            self._kept = place
            return
        options, label, self.problem = self._find(place)
        if self.problem or label.name != place.context:
            self._kept = place
        session.context = session.safety.label(label)
        session.options = session.safety.options(options, session.context)

    def put(self, panel: Panel, place: Place | None) -> None:
        """Give a panel the options of its place; None for the session's."""
        session = self._session
        panel.options, panel.context, panel.problem, panel.kept_place = session.options, session.context, "", None
        if place is None:
            panel.problem = self.problem
        elif session.launch.is_connection_given:
            panel.kept_place = place
        else:
            panel.options, panel.context, panel.problem = self._find(place)
            panel.kept_place = place if panel.problem or panel.context.name != place.context else None

    def look_again(self, panel: Panel) -> None:
        """Look once more for the place of a panel that was not found."""
        if panel.kept_place is None and self._kept is not None:
            self.use(self._kept)
        self.put(panel, panel.kept_place)

    def _find(self, place: Place) -> tuple[ConnectOptions, ContextLabel, str]:
        found = find_place(place, self._session.launch, confinement=self._session.confinement)
        if found.origin is not None:
            self._origins[found.label.name] = found.origin
        return found.options, found.label, found.problem

    def chosen(self, options: ConnectOptions, label: ContextLabel) -> None:
        """The user chose a context, which is what it says."""
        if label.name:
            self._origins[label.name] = options

    def moved(self) -> None:
        """The user connected the session elsewhere."""
        self.problem, self._kept = "", None

    @property
    def of_session(self) -> Place | None:
        """Where the session is connected; None where that is not worth writing down."""
        session = self._session
        return self._kept or self._name(session.options, session.context)

    def of(self, panel: Panel, *, like_started: bool) -> Place | None:
        """Where a panel is connected; None for where the session is, or, `like_started`, where natstui was started."""
        if panel.kept_place is not None or panel.problem:
            return panel.kept_place
        session = self._session
        usual = self._given if like_started else (session.options, session.context)
        return None if (panel.options, panel.context) == usual else self._name(panel.options, panel.context)

    def _name(self, options: ConnectOptions, label: ContextLabel) -> Place | None:
        if set(options.servers) <= self._session.own_servers:
            # They end with natstui, so that no place leads there.
            return None
        return place_of(options, label, self._given[0], self._origins.get(label.name))
