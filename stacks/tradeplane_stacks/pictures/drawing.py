"""A picture as SVG: a row for each component, a column for each region, and in each what there is and how often.

Colours are half transparent and of no theme, so that it can be seen on light and on dark.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tradeplane_stacks.pictures.asking import Asked, Drawn

NOWHERE = "all regions"
"""The column of what is of no region, such as roles."""
_GAP, _MARGIN, _LINE, _HEAD = 14, 16, 15, 62
_LETTER, _INDENT, _NARROWEST = 6.4, 18, 200
"""The width of a letter on average, so that boxes are as wide as what is in them; no browser is asked for it."""
_INK, _FILL, _EDGE = "#888", "#8881", "#8886"
_OWN = "of the stack itself"


@dataclass(frozen=True)
class Cell:
    """What a component has in a region."""

    component: str
    region: str
    lines: tuple[str, ...]


def kind(type_: str) -> str:
    """Return a type of Pulumi as people say it: ``kms Key`` for ``aws:kms/key:Key``."""
    package, module, name = type_.split(":")
    service = module.partition("/")[0]
    return f"{service} {name}" if package == "aws" else f"{package} {name}"


def cells(resources: Sequence[Asked]) -> dict[tuple[str, str], Cell]:
    """Return what each component has in each region, by both."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for one in resources:
        place = one.component or _OWN, one.region or NOWHERE
        counted.setdefault(place, Counter())[kind(one.type)] += 1
    return {
        place: Cell(*place, tuple(f"{count} x {name}" if count > 1 else name for name, count in sorted(found.items())))
        for place, found in sorted(counted.items())
    }


def picture(title: str, stacks: Sequence[Drawn]) -> str:
    """Return the picture of stacks of one program."""
    found = cells([one for stack in stacks for one in stack.resources])
    regions = sorted({region for _, region in found}, key=lambda region: (region == NOWHERE, region))
    components = sorted({component for component, _ in found}, key=lambda name: (name == _OWN, name))
    longest = max(len(line) for cell in found.values() for line in cell.lines)
    column_width = max(_NARROWEST, round(longest * _LETTER) + 2 * _INDENT)
    width = 2 * _MARGIN + len(regions) * (column_width + _GAP) - _GAP
    lefts = [_MARGIN + number * (column_width + _GAP) for number in range(len(regions))]
    root = Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        style=f"font-family:sans-serif;font-size:11px;fill:{_INK}",
        width=str(width),
    )
    SubElement(root, "title").text = title
    _text(root, _MARGIN, 22, title, size=15)
    for left, region in zip(lefts, regions, strict=True):
        _text(root, left, _HEAD - 12, region, size=13)
    bottom = _HEAD
    for component in components:
        row = [found.get((component, region)) for region in regions]
        height = (max(len(cell.lines) for cell in row if cell is not None) + 2) * _LINE
        for left, cell in zip(lefts, row, strict=True):
            if cell is not None:
                _box(root, (left, bottom, column_width, height), cell)
        bottom += height + _GAP
    for line in _reads(stacks):
        _text(root, _MARGIN, bottom + 6, line)
        bottom += _LINE
    root.set("height", str(bottom + _MARGIN))
    root.set("viewBox", f"0 0 {width} {bottom + _MARGIN}")
    indent(root, space="")
    return tostring(root, encoding="unicode") + "\n"


def _box(root: Element, place: tuple[int, int, int, int], cell: Cell) -> None:
    """Draw a cell at a place: left, top, width, height."""
    left, top, *_ = place
    names = dict(zip(("x", "y", "width", "height"), map(str, place), strict=True))
    SubElement(root, "rect", {**names, "rx": "4", "fill": _FILL, "stroke": _EDGE})
    _text(root, left + 10, top + _LINE + 2, cell.component, size=12)
    for number, line in enumerate(cell.lines, start=2):
        _text(root, left + _INDENT, top + number * _LINE + 4, line)


def _text(root: Element, left: int, baseline: int, text: str, size: int | None = None) -> None:
    attributes = {"x": str(left), "y": str(baseline)} | ({"font-size": str(size)} if size else {})
    SubElement(root, "text", attributes).text = text


def _reads(stacks: Sequence[Drawn]) -> Iterator[str]:
    for stack in stacks:
        if stack.reads:
            yield f"{stack.stack} reads outputs of {', '.join(stack.reads)}"
