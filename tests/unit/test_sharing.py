"""How tests from end to end share a cluster: modules are one group or several, and a turn alone is alone."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import sharing
from tests.e2e.sharing import BESIDE, Turns, group, is_alone, place

if TYPE_CHECKING:
    from collections.abc import Iterator

E2E = Path(sharing.__file__).parent
MODULES = sorted(E2E.rglob("test_*.py"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "turns"


@pytest.fixture
def turns(file: Path) -> Iterator[Turns]:
    with file.open("w", encoding="utf-8") as opened:
        yield Turns(opened)


def _may_have(file: Path, turn: int) -> bool:
    """Return whether another process would have a turn at once."""
    with file.open("w", encoding="utf-8") as opened:
        try:
            fcntl.flock(opened, turn | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_who_kills_what_all_are_served_by_is_alone() -> None:
    assert {module.stem for module in MODULES if is_alone(module)} == {
        "test_embedded_cluster",
        "test_node_away",
        "test_takeover",
    }


def test_every_module_that_is_named_is_there() -> None:
    named = {*vars(sharing)["_LONGEST"], *vars(sharing)["_ALONE"]}
    assert named <= {module.stem for module in MODULES}


def test_the_demo_and_images_are_one_group_and_others_of_a_cluster_are_none_of_it() -> None:
    assert {module.parent.name for module in MODULES if group(module) == BESIDE} == {"demo", "images"}


def test_images_are_last_of_their_group_since_what_they_await_is_built_meanwhile() -> None:
    beside = sorted((module for module in MODULES if group(module) == BESIDE), key=place)
    folders = [module.parent.name for module in beside]
    assert folders == sorted(folders)
    assert folders[-1] == "images"


def test_together_others_may_and_who_wants_it_alone_waits(turns: Turns, file: Path) -> None:
    with turns.taken(alone=False):
        assert _may_have(file, fcntl.LOCK_SH)
        assert not _may_have(file, fcntl.LOCK_EX)
    assert _may_have(file, fcntl.LOCK_EX)


def test_alone_nobody_else_may(turns: Turns, file: Path) -> None:
    with turns.taken(alone=True):
        assert not _may_have(file, fcntl.LOCK_SH)
    assert _may_have(file, fcntl.LOCK_EX)


def test_within_a_turn_another_takes_its_place_and_gives_it_back(turns: Turns, file: Path) -> None:
    with turns.taken(alone=False):
        with turns.taken(alone=True):
            assert not _may_have(file, fcntl.LOCK_SH)
        assert _may_have(file, fcntl.LOCK_SH)
        assert not _may_have(file, fcntl.LOCK_EX)


def test_what_fails_gives_its_turn_back(turns: Turns, file: Path) -> None:
    with pytest.raises(RuntimeError), turns.taken(alone=True):
        raise RuntimeError
    assert _may_have(file, fcntl.LOCK_EX)
