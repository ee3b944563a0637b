"""Which release a checkout is: its version, the tag of its commit, and that both say the same.

A tag is what people name a release by, and the version is what its packages say they are; where these differ, or where
the files are not those of the commit, what is built would be called something that it is not. So that is refused.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.release_build import VERSION

from tradeplane_stacks.images.programs import run
from tradeplane_stacks.release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from tradeplane_api.image_build import SourceRevision

_VERSION = re.compile(VERSION)
_CRATE = "workloads/native/Cargo.toml"
_SNAPSHOT = "or build what is no release with --snapshot (make release SNAPSHOT=1)"


@dataclass(frozen=True)
class Release:
    """What is built."""

    version: str
    tag: str | None
    """None of a snapshot, which nobody signs."""
    source: SourceRevision


def release_of(
    source: SourceRevision | None, tags: Collection[str], versions: Mapping[str, str], *, snapshot: bool
) -> Release:
    """Return which release it is.

    Args:
        source: what the checkout holds; None where it is not one of git.
        tags: of its commit.
        versions: of the packages, by where each is said.
        snapshot: whether it is to be none: then neither a tag nor a commit of all changes is asked for.

    Raises:
        ReleaseError: it is none, and what to do.

    """
    version = _one_version(versions)
    if source is None:
        raise ReleaseError("The sources are no checkout of git, and a release names its commit: build it from a clone.")
    if snapshot:
        return Release(version, None, source)
    if source.modified:
        raise ReleaseError(
            f"The checkout has changes that are not in commit {source.commit[:12]} (git status): commit or remove "
            f"them, {_SNAPSHOT}."
        )
    if f"v{version}" not in tags:
        others = sorted(tag for tag in tags if tag.startswith("v"))
        found = f"is tagged {', '.join(others)}" if others else "has no tag of a version"
        raise ReleaseError(
            f"Commit {source.commit[:12]} {found}, and its packages are of version {version}: tag it "
            f"(git tag v{version}) or set the packages' version, {_SNAPSHOT}."
        )
    return Release(version, f"v{version}", source)


def _one_version(versions: Mapping[str, str]) -> str:
    if len(set(versions.values())) != 1:
        said = ", ".join(f"{version} in {place}" for place, version in sorted(versions.items()))
        raise ReleaseError(f"The packages of a release have one version, and these differ: {said}. Set one in all.")
    version = next(iter(versions.values()))
    if _VERSION.fullmatch(version) is None:
        raise ReleaseError(f"{version!r} is no version of a release: write three numbers, as in 1.2.0 or 1.2.0rc1.")
    return version


def tags_of(checkout: Path) -> frozenset[str]:
    """Return the tags of the commit that is checked out.

    Raises:
        ImageError: git cannot say.

    """
    found = run(
        ["git", "-C", checkout, "tag", "--points-at", "HEAD"],
        purpose="asking git for the tags of the commit",
        environment={"LC_ALL": "C"},
        timeout_s=60,
    )
    return frozenset(found.split())


def rooms_of(checkout: Path) -> tuple[str, ...]:
    """Return the directories of the packages of the workspace, sorted."""
    workspace = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]
    return tuple(sorted(workspace["members"]))


def versions_of(checkout: Path) -> Mapping[str, str]:
    """Return the version of each package, by the file that says it; that of the Rust core's crate is one of them."""
    found = {}
    for room in rooms_of(checkout):
        project = tomllib.loads((checkout / room / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        found[f"{room}/pyproject.toml"] = str(project["version"])
    crate = tomllib.loads((checkout / _CRATE).read_text(encoding="utf-8"))["package"]
    return {**found, _CRATE: str(crate["version"])}
