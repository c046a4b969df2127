from __future__ import annotations

import stat
from pathlib import Path

import pytest

from natstui.stream.filter_history import LIMIT, FilterHistory, SavedFilter


def test_the_newest_comes_first_and_only_once() -> None:
    history = FilterHistory()
    for expression in ("a", "b", " a ", "", "a"):
        history.add(expression)
    assert history.entries == ("a", "b")


def test_a_bounded_number_is_remembered_but_every_saved_one() -> None:
    history = FilterHistory()
    history.add("kept")
    history.save("kept")
    for number in range(2 * LIMIT):
        history.add(str(number))
    assert len(history.entries) == LIMIT + 1
    assert history.entries[-1] == "kept"
    history.forget("kept")
    assert history.entries[-1] == str(LIMIT)
    history.save("  ")
    assert not history.saved


def test_history_outlives_the_session_in_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "filters.json"
    history = FilterHistory(path)
    history.add("größer")
    history.save(".total > 5", "large orders")
    again = FilterHistory(path)
    assert again.entries == ("größer", ".total > 5")
    assert again.saved == (SavedFilter(".total > 5", "large orders"),)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["filters.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"recent": 5, "saved": [1, "x"]}', b"\xff", b"[" * 100_000])
def test_a_broken_file_is_an_empty_history(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "filters.json"
    path.write_bytes(content)
    history = FilterHistory(path)
    assert set(history.entries) <= {"x"}
    history.add("new")
    assert FilterHistory(path).entries[0] == "new"


def test_a_name_stands_for_one_filter_and_a_filter_has_one_name() -> None:
    history = FilterHistory()
    history.save(".total > 5", "large")
    history.save("error")
    history.save(".total > 50", "large")
    history.save(" error ", "  all\tfailures ")
    assert history.saved == (SavedFilter(".total > 50", "large"), SavedFilter("error", "all failures"))
    history.save("error", "large")
    assert history.saved == (SavedFilter("error", "large"),)
    assert history.find(" error ") == SavedFilter("error", "large")
    assert history.find("other") is None


def test_filters_saved_without_names_by_earlier_releases_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "filters.json"
    path.write_text('{"recent": ["a"], "saved": ["b", {"expression": "c", "name": "d"}, {"name": "no expression"}, 7]}')
    assert FilterHistory(path).saved == (SavedFilter("b"), SavedFilter("c", "d"))


def test_a_place_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    history = FilterHistory(blocked / "filters.json")
    history.add("a")
    assert history.entries == ("a",)
