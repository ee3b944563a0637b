"""The folder of a release: whole or not there, with the list of digests as the last file that is written into it."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.release_build import CHECKSUMS, ReleaseFile

from tradeplane_stacks.images.trees import remove_tree
from tradeplane_stacks.release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give an empty directory beside the target; where all went well it takes the target's place.

    Raises:
        ReleaseError: something else than a release is there, which is not removed.

    """
    if target.is_symlink() or (target.exists() and not (target / CHECKSUMS).is_file() and any(target.iterdir())):
        raise ReleaseError(f"{target} is there and is no release: name another --directory, or remove it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as folder:
        fresh = Path(folder) / "release"
        fresh.mkdir()
        yield fresh
        fresh.chmod(_FOLDER_MODE)
        remove_tree(target)
        fresh.rename(target)


def seal(folder: Path) -> tuple[ReleaseFile, ...]:
    """Write the list of digests of all that is there; return what a record says of each file, by name."""
    listed = [_described(path) for path in sorted(folder.iterdir())]
    lines = "".join(f"{one.digest.removeprefix('sha256:')}  {one.name}\n" for one in listed)
    (folder / CHECKSUMS).write_text(lines, encoding="ascii")
    return tuple(sorted((*listed, _described(folder / CHECKSUMS)), key=lambda one: one.name))


def _described(path: Path) -> ReleaseFile:
    path.chmod(_FILE_MODE)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ReleaseFile(name=path.name, digest=f"sha256:{digest}", size=path.stat().st_size)
