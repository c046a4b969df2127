"""What covers the dashboard. A screen is loaded when it is first wanted: the start need not wait for all of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from natstui.screens.choose_panel import ChoosePanel as ChoosePanel
    from natstui.screens.columns import ColumnsScreen as ColumnsScreen
    from natstui.screens.confirm import Confirm as Confirm
    from natstui.screens.confirm_typed import ConfirmTyped as ConfirmTyped
    from natstui.screens.connect import ConnectDialog as ConnectDialog
    from natstui.screens.connections import ConnectionRow as ConnectionRow
    from natstui.screens.connections import ConnectionsScreen as ConnectionsScreen
    from natstui.screens.contexts import ContextsScreen as ContextsScreen
    from natstui.screens.events import EventsScreen as EventsScreen
    from natstui.screens.fault_drill import FaultDrillScreen as FaultDrillScreen
    from natstui.screens.filters import FiltersScreen as FiltersScreen
    from natstui.screens.filters import NameFilter as NameFilter
    from natstui.screens.first_start import FirstStart as FirstStart
    from natstui.screens.help import HelpScreen as HelpScreen
    from natstui.screens.help import key_groups as key_groups
    from natstui.screens.history import HistoryScreen as HistoryScreen
    from natstui.screens.message_detail import MessageDetail as MessageDetail
    from natstui.screens.palette import Palette as Palette
    from natstui.screens.save_messages import SaveMessages as SaveMessages
    from natstui.screens.workspaces import OpenWorkspace as OpenWorkspace
    from natstui.screens.workspaces import SaveWorkspace as SaveWorkspace
    from natstui.screens.workspaces import look_at as look_at

MODULES = {
    "ChoosePanel": "choose_panel",
    "ColumnsScreen": "columns",
    "Confirm": "confirm",
    "ConfirmTyped": "confirm_typed",
    "ConnectDialog": "connect",
    "ConnectionRow": "connections",
    "ConnectionsScreen": "connections",
    "ContextsScreen": "contexts",
    "EventsScreen": "events",
    "FaultDrillScreen": "fault_drill",
    "FiltersScreen": "filters",
    "FirstStart": "first_start",
    "HelpScreen": "help",
    "key_groups": "help",
    "HistoryScreen": "history",
    "MessageDetail": "message_detail",
    "NameFilter": "filters",
    "Palette": "palette",
    "SaveMessages": "save_messages",
    "OpenWorkspace": "workspaces",
    "SaveWorkspace": "workspaces",
    "look_at": "workspaces",
}
"""Where each screen is."""


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    globals()[name] = found
    return found


def load_all() -> None:
    """Load every screen now."""
    for module in set(MODULES.values()):
        import_module(f"{__name__}.{module}")
