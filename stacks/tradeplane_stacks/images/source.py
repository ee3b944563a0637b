"""The sources of a build, by the names that git has for them.

The tree is asked for, not only the commit: it names the files as they are, so that a build of changes that nobody
committed can be told from one of the commit they were made on, and from one of other changes.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.image_build import SourceRevision

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_S = 120


def source_revision(checkout: Path) -> SourceRevision | None:
    """Return what a checkout holds; None where it is not one of git.

    Files that git ignores are no part of it, unless they are committed. Nothing is written into the repository.

    Raises:
        ImageError: git is not there, or the repository has no commit or cannot be read.

    """
    if not (checkout / ".git").exists():
        return None
    commit = _git(checkout, "rev-parse", "--verify", "HEAD^{commit}")
    committed = _git(checkout, "rev-parse", "--verify", "HEAD^{tree}")
    tree = _tree_of_files(checkout)
    return SourceRevision(
        commit=commit, tree=tree, modified=tree != committed, repository=public_address(_origin(checkout))
    )


def export_sources(checkout: Path, directory: Path, tree: str) -> None:
    """Write the files of a checkout that are of its sources into a directory, and nothing that lies beside them.

    Args:
        checkout: one of git.
        directory: made here.
        tree: what the files must be, as ``source_revision`` said of them.

    Raises:
        ImageError: they changed meanwhile, or git cannot be asked.

    """
    with _files_staged(checkout) as environment:
        found = _git(checkout, "write-tree", environment=environment)
        if found != tree:
            raise ImageError(
                f"The sources in {checkout} changed meanwhile, from tree {tree} to {found}: leave them, try again."
            )
        directory.mkdir(parents=True)
        _git(checkout, "checkout-index", "--all", f"--prefix={directory.resolve()}/", environment=environment)


def _tree_of_files(checkout: Path) -> str:
    """Return the tree of the files as they are."""
    with _files_staged(checkout) as environment:
        return _git(checkout, "write-tree", environment=environment)


@contextmanager
def _files_staged(checkout: Path) -> Iterator[Mapping[str, str]]:
    """Give variables by which git has the files as they are in an index and objects that are removed afterwards.

    Every file is read: what the user's index knows of files is by their times, which a quick change does not alter, and
    it can be told to look away from some of them.
    """
    objects = checkout / _git(checkout, "rev-parse", "--git-path", "objects")
    with tempfile.TemporaryDirectory(prefix="tradeplane-source-") as directory:
        own = Path(directory)
        (own / "objects").mkdir()
        environment = {
            "GIT_INDEX_FILE": str(own / "index"),
            "GIT_OBJECT_DIRECTORY": str(own / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects.resolve()),
        }
        _git(checkout, "read-tree", "HEAD", environment=environment)  # what is committed, though it be ignored
        _git(checkout, "add", "--all", ".", environment=environment)
        yield environment


def public_address(remote: str) -> str | None:
    """Return the address of a repository that others can reach, without who asked; None for a path or another form."""
    scheme, _, rest = remote.partition("://")
    host, slash, path = rest.partition("/")
    host = host.rpartition("@")[2]
    plain = not set(f"{host}{path}") & set("@?# \t\n")
    return f"https://{host}/{path}" if scheme == "https" and host and slash and path and plain else None


def _origin(checkout: Path) -> str:
    found = _git(checkout, "config", "--default", "", "--get", "remote.origin.url")
    return found.strip()


def _git(checkout: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    return run(
        ["git", "-C", checkout, *arguments],
        purpose=f"asking git what the sources in {checkout} are",
        environment={"LC_ALL": "C", **(environment or {})},
        timeout_s=_TIMEOUT_S,
    ).strip()
