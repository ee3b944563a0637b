"""The page around the pictures: what is in each as a table, for those who do not see it, and for a search."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tradeplane_stacks.pictures.asking import Drawn
from tradeplane_stacks.pictures.drawing import cells

PAGE = Path("docs/stacks/pictures.md")
_HEAD = """\
# Pictures of the stacks

What each program of an environment asks for by the examples of configuration of `prod`, and `local` by that of `dev`,
drawn by the programs themselves (`python -m tradeplane_stacks.pictures`, which renders manifests by kubectl). A test
fails where one is not what the code says. Numbers count resources.
"""


def picture_path(name: str) -> Path:
    """Return where the picture of a program is, from the root of the repository."""
    return PAGE.with_suffix("") / f"{name}.svg"


def page(found: Mapping[str, Sequence[Drawn]]) -> str:
    """Return the page of all programs."""
    return "\n".join([_HEAD, *(_section(name, stacks) for name, stacks in found.items())])


def _section(name: str, stacks: Sequence[Drawn]) -> str:
    rows = [
        f"| {cell.component} | {cell.region} | {', '.join(cell.lines)} |"
        for cell in cells([one for stack in stacks for one in stack.resources]).values()
    ]
    counts = ", ".join(f"`{stack.stack}` ({len(stack.resources)})" for stack in stacks)
    reads = [
        f"`{stack.stack}` reads {', '.join(f'`{one}`' for one in stack.reads)}." for stack in stacks if stack.reads
    ]
    lines = [
        f"## {name}",
        "",
        f"![Components of {name}, by region](pictures/{name}.svg)",
        "",
        f"Stacks: {counts}.",
        *reads,
        "",
        "| component | region | resources |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)
