"""docs/connect-options.md names what there is: every option, its names elsewhere, and tests that exist."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from natstui.cli import main
from natstui.connection import ConnectOptions
from natstui.screens.connect_rows import ROWS as DIALOG
from natstui.settings import Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "connect-options.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| async-nats")
]
PROOF = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def defined_in(file: str) -> set[str]:
    """The tests of a file of this directory."""
    tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}


def test_no_row_is_without_a_test_that_exists() -> None:
    assert len(ROWS) > 45
    assert [row[0] for row in ROWS if not PROOF.search(row[-1])] == []
    proofs = set(PROOF.findall(TEXT))
    assert {proof for proof in proofs if proof[1] not in defined_in(proof[0])} == set()


def test_every_option_is_there() -> None:
    names = {option.name for option in fields(ConnectOptions)}
    documented = set(re.findall(r"`(\w+)[`(]", " ".join(row[1] for row in ROWS)))
    assert names - documented == set()


def test_the_other_names_are_those_that_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    flags = set(re.findall(r"--[\w-]+", capsys.readouterr().out))
    rows = [row[-5:-1] for row in ROWS if len(row) >= 6]
    assert len(rows) > 25
    for toml, variable, flag, _ in rows:
        names = re.findall(r"`(\w+)`", toml)
        assert set(names) <= Settings.model_fields.keys()
        assert re.findall(r"`(\w+)`", variable) == [f"NATSTUI_{name.upper()}" for name in names]
        given = re.findall(r"`(--[\w-]+)`", flag)
        assert set(given) <= flags
        for name in names if given else ():
            assert {f"--{name.replace('_', '-')}", f"--{name.replace('_', '-')}-file", f"--{name}"[:-1]} & set(given)


def test_the_labels_are_those_of_the_dialog() -> None:
    labels = {option: row.label for option, row in DIALOG.items()}
    labels |= dict.fromkeys(("require_tls", "tls_first"), labels.pop("tls"))
    documented: set[str] = set()
    for toml, _, _, told in (row[-5:-1] for row in ROWS if len(row) >= 6):
        names = re.findall(r"`(\w+)`", toml)
        documented.update(names)
        assert told == (", ".join(labels[name] for name in names if name in labels) or "–")
    assert labels.keys() <= documented
