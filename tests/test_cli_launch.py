"""Panels as the command line writes them."""

from __future__ import annotations

import pytest

from natstui.launch import PANEL_KINDS, PanelSpec, parse_panel


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("subscribe", PanelSpec("subscribe")),
        (" publish ", PanelSpec("publish")),
        ("request:svc.echo", PanelSpec("request", "svc.echo")),
        ("subscribe:orders.>", PanelSpec("subscribe", "orders.>")),
        ("subscribe:*.new@workers", PanelSpec("subscribe", "*.new", "workers")),
        ("subscribe:a@b@", PanelSpec("subscribe", "a@b")),
        ("publish:a@b", PanelSpec("publish", "a@b")),
        ("subscribe:a:b", PanelSpec("subscribe", "a:b")),
        ("subscribe:$SYS.>", PanelSpec("subscribe", "$SYS.>")),
        ("subscribe:bestellungen.größe", PanelSpec("subscribe", "bestellungen.größe")),
        ("subscribe:a>.b", PanelSpec("subscribe", "a>.b")),
    ],
)
def test_a_panel_is_a_kind_and_perhaps_a_subject_and_a_queue_group(text: str, spec: PanelSpec) -> None:
    assert parse_panel(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chart",
        "Subscribe",
        ":a",
        "publish:",
        "publish:a b",
        "publish:a\x1b",
        "publish:.a",
        "request:a.>",
        "subscribe:@q",
    ],
)
def test_anything_else_is_refused_in_one_printable_sentence(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_panel(text)
    assert str(refusal.value).isprintable()


def test_an_unknown_kind_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValueError) as refusal:
        parse_panel("chart:cpu")
    for kind in PANEL_KINDS:
        assert kind in str(refusal.value)
