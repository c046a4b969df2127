"""natstui's own themes; every theme of Textual can be chosen beside them."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="natstui",
    primary="#57a9f2",
    secondary="#98a4ee",
    accent="#57a9f2",
    warning="#f0b132",
    error="#f2707a",
    success="#40cf95",
    foreground="#d4dbe6",
    background="#0b0e14",
    surface="#10151e",
    panel="#161c28",
    boost="#1b2331",
    dark=True,
    variables={
        "border": "#57a9f2",
        "border-blurred": "#2b3444",
        "text-muted": "#7d899c",
        "text-disabled": "#5a6577",
        "text-primary": "#6cb6f7",
        "text-secondary": "#a3aef2",
        "text-success": "#40cf95",
        "text-warning": "#f0b132",
        "text-error": "#f58a92",
        "text-accent": "#6cb6f7",
        "input-selection-background": "#57a9f2 35%",
        "input-cursor-background": "#d4dbe6",
        "input-cursor-foreground": "#0b0e14",
        "block-cursor-background": "#1f3350",
        "block-cursor-foreground": "#eef3fa",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#1a2230",
        "scrollbar": "#2b3444",
        "scrollbar-hover": "#3b475c",
        "scrollbar-active": "#57a9f2",
        "scrollbar-background": "#0b0e14",
        "scrollbar-background-hover": "#10151e",
        "scrollbar-background-active": "#10151e",
        "scrollbar-corner-color": "#0b0e14",
        "footer-key-foreground": "#57a9f2",
    },
)

LIGHT = Theme(
    name="natstui-light",
    primary="#0a63b5",
    secondary="#5347b8",
    accent="#0a63b5",
    warning="#9a5b00",
    error="#bb1f33",
    success="#0b7248",
    foreground="#1d2531",
    background="#fbfcfd",
    surface="#f3f5f8",
    panel="#e9edf2",
    boost="#e0e6ed",
    dark=False,
    variables={
        "border": "#0a63b5",
        "border-blurred": "#c3ccd7",
        "text-muted": "#576374",
        "text-disabled": "#8a95a4",
        "text-primary": "#0a63b5",
        "text-secondary": "#5347b8",
        "text-success": "#0b7248",
        "text-warning": "#8a5200",
        "text-error": "#bb1f33",
        "text-accent": "#0a63b5",
        "input-selection-background": "#0a63b5 25%",
        "input-cursor-background": "#1d2531",
        "input-cursor-foreground": "#fbfcfd",
        "block-cursor-background": "#cfe3f7",
        "block-cursor-foreground": "#10161f",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e3e9f0",
        "scrollbar": "#c3ccd7",
        "scrollbar-hover": "#a7b3c1",
        "scrollbar-active": "#0a63b5",
        "scrollbar-background": "#fbfcfd",
        "scrollbar-background-hover": "#f3f5f8",
        "scrollbar-background-active": "#f3f5f8",
        "scrollbar-corner-color": "#fbfcfd",
        "footer-key-foreground": "#0a63b5",
    },
)

SIXTEEN = Theme(
    name="natstui-16",
    ansi=True,
    primary="ansi_bright_blue",
    secondary="ansi_magenta",
    accent="ansi_bright_blue",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "border": "ansi_bright_blue",
        "border-blurred": "ansi_bright_black",
        "text-muted": "ansi_default",
        "text-disabled": "ansi_bright_black",
        "text-primary": "ansi_bright_blue",
        "text-secondary": "ansi_magenta",
        "text-success": "ansi_green",
        "text-warning": "ansi_yellow",
        "text-error": "ansi_red",
        "text-accent": "ansi_bright_blue",
        "block-cursor-background": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-blurred-background": "ansi_default",
        "block-cursor-blurred-foreground": "ansi_default",
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "scrollbar": "ansi_bright_black",
        "scrollbar-hover": "ansi_default",
        "scrollbar-active": "ansi_bright_blue",
        "scrollbar-background": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
        "scrollbar-corner-color": "ansi_default",
        "footer-key-foreground": "ansi_bright_blue",
    },
)
"""The terminal's own 16 colours, on its own background, be that dark or light."""

THEMES = (DARK, LIGHT, SIXTEEN)


def own_theme(color_system: str | None, no_color: bool) -> Theme:
    """The theme where none is chosen: that of 16 colours where the terminal has no more, or where none are wanted.

    Args:
        color_system: what rich tells of the terminal: "standard" for 16 colours, None for none.
        no_color: whether NO_COLOR is set.
    """
    return SIXTEEN if no_color or color_system in (None, "standard") else DARK
