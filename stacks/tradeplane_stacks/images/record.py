"""``build/images.json``: the images by digest, as the rest of the build reads them, and beside it what they hold."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tradeplane_stacks.images.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

REFERENCES = "images.json"
CONTENTS = "images-contents.json"
_REFERENCE = re.compile(r"^[^\s@]+/[^\s@]+@sha256:[0-9a-f]{64}$")


def write_record(directory: Path, name: str, value: object, key: str) -> None:
    """Set one image's entry in a record, keeping those of the others."""
    path = directory / name
    record = json.loads(path.read_text()) if path.exists() else {}
    record[key] = value
    directory.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    partial.replace(path)


def read_references(directory: Path) -> dict[str, str]:
    """Return the pushed images, by name.

    Raises:
        ImageError: nothing was pushed yet, or the record is not one of references by digest.

    """
    path = directory / REFERENCES
    if not path.exists():
        raise ImageError(f"{path} is not there: push the images first, `python -m tradeplane_stacks.images push`.")
    try:
        record = json.loads(path.read_text())
    except ValueError as error:
        raise ImageError(f"{path} is not JSON ({error}): remove it and push the images again.") from error
    if not isinstance(record, dict) or not all(_is_reference(value) for value in record.values()):
        raise ImageError(f"{path} holds something else than references by digest: remove it and push the images again.")
    return dict(record)


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and _REFERENCE.match(value) is not None
