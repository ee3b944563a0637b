"""Which release a checkout is, and what is refused: it is never called something that it is not."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.image_build import SourceRevision
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.release.errors import ReleaseError
from tradeplane_stacks.release.identity import Release, release_of, rooms_of, versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CLEAN = SourceRevision(commit="c0" * 20, tree="7e" * 20, modified=False)
CHANGED = SourceRevision(commit="c0" * 20, tree="ee" * 20, modified=True)
VERSIONS: Mapping[str, str] = {"crds/pyproject.toml": "0.1.0", "cli/pyproject.toml": "0.1.0"}


def test_a_tagged_commit_is_the_release_of_its_version() -> None:
    assert release_of(CLEAN, {"v0.1.0", "latest"}, VERSIONS, snapshot=False) == Release("0.1.0", "v0.1.0", CLEAN)


@pytest.mark.parametrize(
    ("source", "tags", "versions", "words"),
    [
        (None, {"v0.1.0"}, VERSIONS, "no checkout of git"),
        (CHANGED, {"v0.1.0"}, VERSIONS, "changes that are not in commit"),
        (CLEAN, set(), VERSIONS, r"has no tag of a version.*git tag v0\.1\.0"),
        (CLEAN, {"latest"}, VERSIONS, "has no tag of a version"),
        (CLEAN, {"0.1.0"}, VERSIONS, "has no tag of a version"),
        (CLEAN, {"v0.2.0"}, VERSIONS, r"is tagged v0\.2\.0, and its packages are of version 0\.1\.0"),
        (CLEAN, {"v0.1.0"}, {**VERSIONS, "x": "0.2.0"}, r"these differ.*0\.2\.0 in x"),
        (CLEAN, {"v1.0"}, {"x": "1.0"}, "write three numbers"),
        (CLEAN, {"v1.0.0.dev1"}, {"x": "1.0.0.dev1"}, "write three numbers"),
    ],
)
def test_what_is_no_release_is_refused_with_what_to_do(
    source: SourceRevision | None, tags: set[str], versions: Mapping[str, str], words: str
) -> None:
    with pytest.raises(ReleaseError, match=re.compile(words, re.DOTALL)):
        release_of(source, tags, versions, snapshot=False)


@pytest.mark.parametrize("source", [CLEAN, CHANGED])
@given(tags=st.sets(st.sampled_from(["v0.1.0", "v0.2.0", "latest"])))
def test_a_snapshot_is_never_a_release(source: SourceRevision, tags: set[str]) -> None:
    assert release_of(source, tags, VERSIONS, snapshot=True) == Release("0.1.0", None, source)


def test_a_snapshot_of_what_git_does_not_know_is_refused() -> None:
    with pytest.raises(ReleaseError, match="no checkout of git"):
        release_of(None, set(), VERSIONS, snapshot=True)


def test_the_packages_of_this_checkout_have_one_version() -> None:
    versions = versions_of(CHECKOUT)
    assert len(set(versions.values())) == 1, versions
    workspace = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert set(versions.values()) == {workspace}
    assert {f"{room}/pyproject.toml" for room in rooms_of(CHECKOUT)} | {"workloads/native/Cargo.toml"} == set(versions)
