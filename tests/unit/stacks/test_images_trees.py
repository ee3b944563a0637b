"""Trees made once, dated once, and named by what they were made from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH
from tradeplane_stacks.images.trees import exclusive, inputs_digest, link_tree, made_once, source_files, tree_bytes

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=5), max_size=4)


@given(_WORDS, _WORDS)
def test_different_words_have_different_digests(first: list[str], second: list[str]) -> None:
    assert (inputs_digest(first) == inputs_digest(second)) == (first == second)


def test_name_content_and_executable_bit_count_and_place_does_not(tmp_path: Path) -> None:
    def digest(place: str, name: str = "a", content: str = "1", mode: int = 0o644) -> str:
        path = tmp_path / place / name
        path.parent.mkdir()
        path.write_text(content)
        path.chmod(mode)
        return inputs_digest([], [path], tmp_path / place)

    first = digest("first")
    assert digest("second") == first
    changed = {digest("third", name="b"), digest("fourth", content="2"), digest("fifth", mode=0o755)}
    assert len(changed | {first}) == 4


def test_what_tools_leave_is_not_source(tmp_path: Path) -> None:
    for name in ("a.py", "__pycache__/a.pyc", "target/release/x", "b.so", "p.egg-info/PKG-INFO", "sub/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert source_files(tmp_path) == [tmp_path / "a.py", tmp_path / "sub/c.py"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_tree_has_one_date_and_modes_that_no_umask_decides(tmp_path: Path, umask: int) -> None:
    def make(tree: Path) -> None:
        (tree / "d").mkdir(parents=True)
        (tree / "d/plain").touch()
        (tree / "d/program").touch(mode=0o700)
        (tree / "link").symlink_to("nowhere")
        (tree / "tmp").mkdir()
        (tree / "tmp").chmod(0o1777)

    before = os.umask(umask)
    try:
        tree = made_once(tmp_path / "cache/tree", make)
    finally:
        os.umask(before)
    modes = {path.name: path.lstat().st_mode & 0o7777 for path in tree.rglob("*") if not path.is_symlink()}
    assert modes == {"d": 0o755, "plain": 0o644, "program": 0o755, "tmp": 0o1777}
    assert {path.lstat().st_mtime for path in [tree, *tree.rglob("*")]} == {SOURCE_DATE_EPOCH}


def test_a_tree_is_made_once(tmp_path: Path) -> None:
    made_once(tmp_path / "tree", lambda tree: tree.mkdir())
    assert made_once(tmp_path / "tree", lambda _: pytest.fail("made again")).is_dir()


def test_a_tree_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(tree: Path) -> None:
        tree.mkdir()
        (tree / "half").touch()
        raise ImageError("half way")

    with pytest.raises(ImageError, match="half way"):
        made_once(tmp_path / "tree", fail)
    assert list(tmp_path.iterdir()) == []


def test_linked_trees_hold_the_same_and_weigh_the_same(tmp_path: Path) -> None:
    (tmp_path / "a/sub").mkdir(parents=True)
    (tmp_path / "a/sub/file").write_text("12345")
    (tmp_path / "a/link").symlink_to("sub/file")
    link_tree(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b/link").readlink().as_posix() == "sub/file"
    assert (tmp_path / "b/sub/file").stat().st_ino == (tmp_path / "a/sub/file").stat().st_ino
    assert tree_bytes(tmp_path / "b") == 5


def test_a_second_build_waits_says_so_and_gives_up_at_its_limit(tmp_path: Path) -> None:
    said: list[str] = []
    with (
        exclusive(tmp_path, said.append),
        pytest.raises(ImageError, match="Another build has held"),
        exclusive(tmp_path, said.append, limit_s=0),
    ):
        pytest.fail("two builds at once")
    assert len(said) == 1
    with exclusive(tmp_path, pytest.fail, limit_s=0):
        pass
