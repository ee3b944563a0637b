"""Write the CRDs and the API reference from the models, or check that what is checked in is what would be written.

python -m tradeplane_api.generate            writes crds/yaml/ and docs/reference/
python -m tradeplane_api.generate --check    exits with 1 and names what is stale
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tradeplane_api.base import GROUP
from tradeplane_api.generation.definitions import definition_yaml
from tradeplane_api.generation.reference import reference_page
from tradeplane_api.kinds import KINDS

DEFINITIONS = Path("crds/yaml")
REFERENCE = Path("docs/reference")


def generated() -> dict[Path, str]:
    """Return every generated file by its path from the root of the repository."""
    definitions = {DEFINITIONS / f"{GROUP}_{kind.plural}.yaml": definition_yaml(kind) for kind in KINDS}
    pages = {REFERENCE / f"{kind.name.lower()}.md": reference_page(kind) for kind in KINDS}
    return definitions | pages


def stale(root: Path, files: dict[Path, str]) -> list[Path]:
    """Return the files that are missing or differ, and definitions of kinds that are no more."""
    differing = [path for path, text in files.items() if not _same(root / path, text)]
    left_over = [
        path.relative_to(root)
        for path in (root / DEFINITIONS).glob(f"{GROUP}_*.yaml")
        if path.relative_to(root) not in files
    ]
    return sorted([*differing, *left_over])


def write(root: Path, files: dict[Path, str]) -> list[Path]:
    """Write what is stale, delete definitions of kinds that are no more, and return their paths."""
    changed = stale(root, files)
    for path in changed:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tradeplane_api.generate", description="Write CRDs and reference.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository (default: here)")
    options = parser.parse_args(arguments)
    root: Path = options.root
    if not (root / "crds" / "tradeplane_api").is_dir():
        sys.stderr.write(f"{root.resolve()} is not the root of the repository: give it with --root\n")
        return 2
    if not options.check:
        for path in write(root, generated()):
            sys.stdout.write(f"wrote {path}\n")
        return 0
    found = stale(root, generated())
    for path in found:
        sys.stderr.write(f"{path} is stale: run make generate and commit what it writes\n")
    return 1 if found else 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
