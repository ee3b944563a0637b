"""What git calls the sources of a build: the commit only where they are that commit."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.images.build_files import read_source
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.source import public_address, source_revision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


def git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "a checkout"
    place.mkdir()
    git(place, "init", "--quiet")
    (place / "engine.py").write_text("price = 1\n")
    (place / ".gitignore").write_text("build/\n")
    git(place, "add", ".")
    git(place, *_AUTHOR, "commit", "--quiet", "--message", "first")
    return place


def test_what_is_committed_is_the_commit(checkout: Path) -> None:
    found = source_revision(checkout)
    assert found is not None
    assert (found.commit, found.tree, found.modified) == (
        git(checkout, "rev-parse", "HEAD"),
        git(checkout, "rev-parse", "HEAD^{tree}"),
        False,
    )


CHANGES: dict[str, Callable[[Path], object]] = {
    "a changed file": lambda place: (place / "engine.py").write_text("price = 2\n"),
    "a new file": lambda place: (place / "another.py").write_text("x = 1\n"),
    "a file that is gone": lambda place: (place / "engine.py").unlink(),
    "a program": lambda place: (place / "engine.py").chmod(0o755),
    "a change that is staged": lambda place: [
        (place / "engine.py").write_text("price = 3\n"),
        git(place, "add", "engine.py"),
    ],
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_nobody_committed_is_said(checkout: Path, change: str) -> None:
    clean = source_revision(checkout)
    CHANGES[change](checkout)
    found = source_revision(checkout)
    assert clean is not None
    assert found is not None
    assert found.modified
    assert found.commit == clean.commit
    assert found.tree != clean.tree


def test_the_tree_is_the_one_that_a_commit_of_it_has(checkout: Path) -> None:
    (checkout / "engine.py").write_text("price = 2\n")
    (checkout / "another.py").write_text("x = 1\n")
    before = source_revision(checkout)
    git(checkout, "add", ".")
    git(checkout, *_AUTHOR, "commit", "--quiet", "--message", "second")
    after = source_revision(checkout)
    assert before is not None
    assert after is not None
    assert before.tree == after.tree
    assert (before.modified, after.modified) == (True, False)


def test_a_change_that_leaves_size_and_time_as_they_were_is_seen(checkout: Path) -> None:
    """As one in the same tick of the clock does: git's own index, which goes by these, does not see it."""
    git(checkout, "config", "core.trustctime", "false")
    path, then = checkout / "engine.py", (1_600_000_000, 1_600_000_000)
    os.utime(path, then)
    git(checkout, "update-index", "--refresh")
    path.write_text("price = 2\n")
    os.utime(path, then)
    assert git(checkout, "status", "--porcelain") == ""
    found = source_revision(checkout)
    assert found is not None
    assert found.modified


@pytest.mark.parametrize("told", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_from_which_git_was_told_to_look_away_is_seen(checkout: Path, told: str) -> None:
    git(checkout, "update-index", told, "engine.py")
    (checkout / "engine.py").write_text("price = 2, and more\n")
    found = source_revision(checkout)
    assert found is not None
    assert found.modified


def test_a_file_that_is_ignored_and_committed_is_part_of_it(checkout: Path) -> None:
    (checkout / "build").mkdir()
    (checkout / "build/kept").write_text("x\n")
    git(checkout, "add", "--force", "build/kept")
    git(checkout, *_AUTHOR, "commit", "--quiet", "--message", "kept")
    clean = source_revision(checkout)
    (checkout / "build/kept").write_text("y\n")
    changed = source_revision(checkout)
    assert clean is not None
    assert changed is not None
    assert (clean.modified, changed.modified) == (False, True)


def test_what_git_ignores_is_no_part_of_it(checkout: Path) -> None:
    (checkout / "build").mkdir()
    (checkout / "build/images.json").write_text("{}")
    found = source_revision(checkout)
    assert found is not None
    assert not found.modified


def test_nothing_is_written_into_the_repository(checkout: Path) -> None:
    (checkout / "another.py").write_text("x = 1\n")
    objects = sorted((checkout / ".git/objects").rglob("*"))
    staged = (checkout / ".git/index").read_bytes()
    source_revision(checkout)
    assert sorted((checkout / ".git/objects").rglob("*")) == objects
    assert (checkout / ".git/index").read_bytes() == staged


def test_a_worktree_is_a_checkout_too(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", str(tmp_path / "another"))
    assert source_revision(tmp_path / "another") == source_revision(checkout)


def test_a_copy_without_git_has_no_revision(tmp_path: Path) -> None:
    assert source_revision(tmp_path) is None


def test_a_repository_without_a_commit_is_told_and_names_no_sources(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ImageError, match="asking git what the sources"):
        source_revision(tmp_path)
    told: list[str] = []
    assert read_source(tmp_path, told.append) is None
    assert "the record of the build will name no sources" in told[0]


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://git.example.com/team/tradeplane.git", "https://git.example.com/team/tradeplane.git"),
        ("https://someone:secret@git.example.com/team/tradeplane", "https://git.example.com/team/tradeplane"),
        ("git@git.example.com:team/tradeplane.git", None),
        ("/srv/repositories/tradeplane", None),
        ("file:///srv/tradeplane", None),
        ("https://git.example.com/x?token=secret", None),
        ("https://", None),
        ("", None),
    ],
)
def test_a_repository_is_named_where_others_can_reach_it_and_never_with_a_password(
    checkout: Path, remote: str, expected: str | None
) -> None:
    assert public_address(remote) == expected
    if remote:
        git(checkout, "remote", "add", "origin", remote)
    found = source_revision(checkout)
    assert found is not None
    assert found.repository == expected
