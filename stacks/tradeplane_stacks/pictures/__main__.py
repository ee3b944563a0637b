"""Draw the pictures of what an environment is made by, or check that what is checked in is what would be drawn.

python -m tradeplane_stacks.pictures            writes docs/stacks/pictures/ and docs/stacks/pictures.md
python -m tradeplane_stacks.pictures --check    exits with 1 and names what is stale
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradeplane_stacks.automation.environment import PROGRAMS
from tradeplane_stacks.pictures.asking import Drawn, asked
from tradeplane_stacks.pictures.drawing import picture
from tradeplane_stacks.pictures.page import PAGE, page, picture_path
from tradeplane_stacks.programs.local import LOCAL

STACKS = dict.fromkeys(PROGRAMS, "prod") | {LOCAL: "dev"}
"""Of which examples of configuration the pictures are, by program; each after those that it reads."""
_PREFIX = "tradeplane-"


def drawn(root: Path) -> dict[str, list[Drawn]]:
    """Return what each program that is there asks for, as each of its stacks, by the name of its folder.

    Raises:
        pulumi.RunError: when what runs in a cluster cannot be rendered.

    """
    given: dict[str, dict[str, Any]] = {}
    found: dict[str, list[Drawn]] = {}
    for program, environment in STACKS.items():
        name = program.folder
        folder = root / "stacks" / name
        stacks = [file.stem.removeprefix("Pulumi.") for file in sorted(folder.glob(f"Pulumi.{environment}*.yaml"))]
        if not stacks:
            continue
        found[name] = [asked(folder, stack, program, given) for stack in stacks]
    return found


def generated(found: Mapping[str, Sequence[Drawn]]) -> dict[Path, str]:
    """Return every generated file by its path from the root of the repository."""
    pictures = {
        picture_path(name): picture(f"{_PREFIX}{name}: {', '.join(one.stack for one in stacks)}", stacks)
        for name, stacks in found.items()
    }
    return {PAGE: page(found), **pictures}


def stale(root: Path, files: Mapping[Path, str]) -> list[Path]:
    """Return the files that are missing or differ, and pictures of programs that are no more."""
    differing = [
        path for path, text in files.items() if not (root / path).is_file() or (root / path).read_text("utf-8") != text
    ]
    there = [path.relative_to(root) for path in (root / PAGE.with_suffix("")).glob("*.svg")]
    return sorted([*differing, *(path for path in there if path not in files)])


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tradeplane_stacks.pictures", description="Draw the stacks.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a picture is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository (default: here)")
    options = parser.parse_args(arguments)
    root: Path = options.root
    if not (root / "stacks").is_dir():
        sys.stderr.write(f"{root.resolve()} is not the root of the repository: give it with --root\n")
        return 2
    files = generated(drawn(root))
    changed = stale(root, files)
    if options.check:
        sys.stderr.writelines(f"stale: {path}; draw it: python -m tradeplane_stacks.pictures\n" for path in changed)
        return 1 if changed else 0
    for path in changed:
        if path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], encoding="utf-8")
        else:
            (root / path).unlink()
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
