"""The chain of a run as a picture: result, statement, what it was made from, and where that came from.

Pure: boxes and lines with their places come out, which the template draws. It is laid out by hand and not by a library,
because it is always the same four columns, and because the same run must be the same picture for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_cli.export_page.wording import builder_name, last_step, short, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.export.images import AttestedBy
    from tradeplane_evidence.export.records import AttestedData, Dependency, Record

BOX_WIDTH, BOX_HEIGHT = 226, 66
GAP_X, GAP_Y = 48, 12
MARGIN = 2
COLUMNS = 4
MAX_INPUTS, MAX_SOURCES = 8, 4
"""Boxes of inputs, and of sources of one input, that are drawn; the table beneath has them all."""
_TITLE, _LINE = 26, 30
"""Characters that fit into a box, of usual width; the template cuts off what is wider."""
_NO_ATTESTATION = ("No attestation of it", "none is in the statement")


@dataclass(frozen=True, slots=True)
class Box:
    """Something of the chain. ``tone``: good, bad, plain, or absent for what is not there. Lengths in pixels."""

    x: float
    y: float
    kind: str
    title: str
    line: str
    tone: str
    whole: str
    """All that the box stands for, which is shown when it is pointed at."""

    @property
    def middle(self) -> float:
        """Half its height."""
        return self.y + BOX_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from the right side of one box to the left side of another, and its head, as SVG paths."""

    line: str
    head: str


@dataclass(slots=True)
class Drawing:
    """A picture and its size in pixels. ``said``: the chain in words, for who does not see it."""

    width: float = MARGIN * 2 + COLUMNS * BOX_WIDTH + (COLUMNS - 1) * GAP_X
    height: float = 0.0
    said: str = ""
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Input:
    """Something that a run was made from, and what that was made from."""

    kind: str
    title: str
    line: str
    whole: str
    tone: str
    behind: tuple[_Input, ...] = ()


def draw(record: Record) -> Drawing:
    """Return the chain of a run."""
    inputs = [] if record.signed is None else _inputs(record.signed.dependencies, record)
    drawing, row, places = Drawing(), 0, []
    for one in inputs:
        rows = max(1, len(one.behind))
        box = _box(2, row + (rows - 1) / 2, one)
        places.append(box)
        drawing.boxes.append(box)
        for offset, behind in enumerate(one.behind):
            source = _box(3, row + offset, behind)
            drawing.boxes.append(source)
            drawing.arrows.append(_arrow(box, source))
        row += rows
    middle = max(row - 1, 0) / 2
    result, statement = _box(0, middle, _result(record)), _box(1, middle, _statement(record))
    drawing.boxes = [result, statement, *drawing.boxes]
    drawing.arrows = [_arrow(result, statement), *(_arrow(statement, one) for one in places), *drawing.arrows]
    drawing.height = MARGIN * 2 + max(row, 1) * (BOX_HEIGHT + GAP_Y) - GAP_Y
    drawing.said = "; ".join(f"{box.kind}: {box.title}, {box.line}" for box in drawing.boxes)
    return drawing


def _result(record: Record) -> _Input:
    digest = record.reference.partition("@")[2] or None
    found = None if record.signed is None else record.signed.result_digest
    tone = "good" if record.verified else "bad"
    title = "Verified" if record.verified else "Refused"
    return _Input("Result", title, short(found or digest), f"{record.reference} {found or ''}".strip(), tone)


def _statement(record: Record) -> _Input:
    signed = record.signed
    if signed is None:
        return _Input("Statement of the run", "None by a trusted key", "nothing is known of it", "", "absent")
    whole = f"builder {signed.builder}, {signed.who.said}"
    line = (
        f"signed by {last_step(signed.who.subject or '')}" if signed.who.key is None else f"key {short(signed.who.key)}"
    )
    tone = "good" if record.verified else "plain"
    return _Input("Statement of the run", _by(signed.builder), line, whole, tone)


def _by(builder: str) -> str:
    """Name a builder as far as there is room in a box: what it is of, and not which of its several."""
    return f"by {builder_name(builder).partition('/')[0]}"


def _inputs(dependencies: Sequence[Dependency], record: Record) -> list[_Input]:
    """Put together what was made from what: the sources of a snapshot follow it in the statement (run-v1.md)."""
    found: list[_Input] = []
    sources: list[list[_Input]] = []
    for one in dependencies:
        if one.kind == "image" and one.attestation is not None:
            found.append(_input(one))
            sources.append([_attestation(one.attestation, record.image)])
        elif one.kind == "snapshot" and one.attestation is not None:
            found.append(_input(one))
            sources.append([_of_data(one.attestation, record.snapshots)])
        elif one.kind == "manifest" and sources:
            sources[-1].append(_input(one))
        elif one.kind == "source" and sources:
            name = one.name.removeprefix("source/")
            sources[-1].append(_Input("Source", name, short(one.digest), f"{one.name} {one.digest}", "plain"))
        elif one.kind != "part":
            found.append(_input(one))
            sources.append([])
    if not found:
        return [_Input("Inputs", "None known", "the statement names none", "", "absent")]
    whole = [_with(one, behind) for one, behind in zip(found, sources, strict=True)]
    return _few(whole, MAX_INPUTS, "Inputs")


def _attestation(digest: str, image: AttestedBy | None) -> _Input:
    """Return what attests an image, and the sources it names where that was followed."""
    if image is None or image.attestation != digest:
        return _Input("Attestation of the image", "Named, and not followed", short(digest), digest, "plain")
    line = f"commit {image.commit[:16]}" if image.commit is not None else "of what nobody committed"
    whole = f"{image.builder}, from {image.source}, {image.who.said}, {digest}"
    return _Input("Attestation of the image", _by(image.builder), line, whole, "good")


def _of_data(digest: str, snapshots: Sequence[AttestedData]) -> _Input:
    """Return what attests a snapshot, and how that came to be where it was followed."""
    kind = "Attestation of the data"
    followed = next((one for one in snapshots if one.claim.attestation == digest), None)
    if followed is None:
        return _Input(kind, "Named, and not followed", short(digest), digest, "plain")
    whole = f"{followed.builder}, {followed.origin}, {followed.who.said}, {digest}"
    return _Input(kind, _by(followed.builder), followed.origin, whole, "good")


def _input(one: Dependency) -> _Input:
    whole = " ".join(part for part in (one.name, one.uri, one.digest) if part)
    if one.kind == "image":
        name = (one.uri or "").partition("?")[0].rpartition("/")[2].partition("@")[0]
        return _Input("Image", name or "image", short(one.digest), whole, "plain")
    if one.kind == "manifest":
        return _Input("Image that was run", one.name.partition("/")[2], short(one.digest), whole, "plain")
    if one.kind == "approval":
        return _Input("Approval", f"by {one.name.partition('/')[2]}", short(one.digest), whole, "plain")
    if one.kind == "snapshot":
        return _Input("Data", "Snapshot", short(one.digest), whole, "plain")
    return _Input("Input", one.name or last_step(one.uri or ""), short(one.digest), whole, "plain")


def _with(one: _Input, behind: Sequence[_Input]) -> _Input:
    if not behind and one.kind == "Image":
        behind = [_Input("Source of the image", *_NO_ATTESTATION, "", "absent")]
    return _Input(one.kind, one.title, one.line, one.whole, one.tone, tuple(_few(behind, MAX_SOURCES, "Sources")))


def _few(many: Sequence[_Input], most: int, kind: str) -> list[_Input]:
    if len(many) <= most:
        return list(many)
    more = _Input(kind, f"and {len(many) - most + 1:,} more", "in the table below", "", "plain")
    return [*many[: most - 1], more]


def _box(column: int, row: float, one: _Input) -> Box:
    x = MARGIN + column * (BOX_WIDTH + GAP_X)
    y = MARGIN + row * (BOX_HEIGHT + GAP_Y)
    return Box(x, y, one.kind, visible(one.title, _TITLE), visible(one.line, _LINE), one.tone, one.whole)


def _arrow(start: Box, end: Box) -> Arrow:
    x, y, to_x, to_y = start.x + BOX_WIDTH, start.middle, end.x - 1, end.middle
    bend = GAP_X / 2
    line = f"M{x:g} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x - 7:g} {to_y:g}"
    return Arrow(line, f"M{to_x:g} {to_y:g}l-8 -4v8z")
