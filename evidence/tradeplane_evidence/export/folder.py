"""The export as files: built beside its place and moved there whole, so that nobody ever sees half of it.

Same evidence, same bytes: names in order, no time of the day, fixed modes, and an archive without compression, whose
result is another with another version of zlib.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKSUMS = "SHA256SUMS"
"""The digests of all other files, as ``sha256sum -c`` reads them."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}(?:/[A-Za-z0-9][A-Za-z0-9_.-]{0,119}){0,3}")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can state, for want of one that means something."""
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of the export, by its path in it, with ``/`` between."""

    path: str
    sha256: str
    """Hexadecimal."""
    size: int


@dataclass(slots=True)
class Folder:
    """An export while it is written. ``most_bytes``: of all its files."""

    root: Path
    most_bytes: int
    files: dict[str, ExportedFile] = field(default_factory=dict)
    _total: int = 0

    def add(self, path: str, data: bytes) -> ExportedFile:
        """Write a file. Raises TooLarge; and ValueError for a path that could lead elsewhere, or that is taken."""
        if _NAME.fullmatch(path) is None or path in self.files:
            raise ValueError(f"{path[:200]!r} is no path of a file in an export, or is there already")
        self._total += len(data)
        if self._total > self.most_bytes:
            raise TooLarge(
                f"the export has more than {self.most_bytes:,} bytes; raise --max-bytes, or export fewer days at a time"
            )
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        found = ExportedFile(path, hashlib.sha256(data).hexdigest(), len(data))
        self.files[path] = found
        return found

    def seal(self) -> str:
        """Write the checksums of all that is there, as the last file; return the SHA-256 of that list, hexadecimal."""
        lines = "".join(f"{self.files[path].sha256}  {path}\n" for path in sorted(self.files))
        return self.add(CHECKSUMS, lines.encode()).sha256


def is_file_name(name: str) -> bool:
    """Say whether a name, such as a registry gives, can be that of a file of an export."""
    return "/" not in name and _NAME.fullmatch(name) is not None


@contextmanager
def staged(target: Path, most_bytes: int) -> Iterator[Folder]:
    """Give a folder beside the target; where all went well it becomes the target, and else it is removed.

    A target whose name ends in ``.zip`` is an archive, which replaces one that is there. Another is a folder, which is
    not there yet. Raises FileExistsError for that, and OSError where it cannot be written.
    """
    archive = target.suffix == ".zip"
    if not archive and (target.exists() or target.is_symlink()):
        raise FileExistsError(17, "it is there already; name another, or remove it", str(target))
    root = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    try:
        folder = Folder(root / "export", most_bytes)
        folder.root.mkdir()
        yield folder
        if archive:
            _zip(folder, root / "archive")
            (root / "archive").replace(target)
        else:
            _settle(folder.root)
            folder.root.rename(target)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _zip(folder: Folder, place: Path) -> None:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.files):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.create_system = 3  # Unix, whatever writes it: the modes are its
            entry.external_attr = (stat.S_IFREG | _FILE_MODE) << 16
            entry.file_size = folder.files[path].size
            with archive.open(entry, "w") as out, (folder.root / path).open("rb") as data:
                shutil.copyfileobj(data, out, _CHUNK)
    place.chmod(_FILE_MODE)


def _settle(root: Path) -> None:
    """Give all files and folders their modes, whatever the umask."""
    for folder, _, names in os.walk(root):
        Path(folder).chmod(_FOLDER_MODE)
        for name in names:
            Path(folder, name).chmod(_FILE_MODE)
