"""Which strategy a set of files asks for, and which data.

In the cluster ``spec.snapshotRef`` names an object the API server keeps; on a laptop the same name is looked up among
the ``Snapshot`` documents of the files given, so one set of files means the same run in both places.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel
from tradeplane_api.base import API_VERSION, GROUP, Name
from tradeplane_api.snapshot import Snapshot
from tradeplane_api.strategy import Mode, Strategy

from tradeplane_cli.documents.locating import problem_at, validate
from tradeplane_cli.documents.yaml_text import MAX_BYTES, Source, read_documents
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD_INPUT = "-"


class _Metadata(BaseModel):
    name: Name


class _Named(BaseModel):
    """An object's name; the models of the kinds leave metadata to the API server."""

    metadata: _Metadata


@dataclass(frozen=True, slots=True)
class NamedStrategy:
    """A strategy, its name, and the document it was read from."""

    name: str
    strategy: Strategy
    source: Source


@dataclass(frozen=True, slots=True)
class Objects:
    """What the files hold: strategies and snapshots by name, and the documents that are neither."""

    strategies: dict[str, NamedStrategy]
    snapshots: dict[str, Snapshot]
    ignored: tuple[str, ...]


def read_objects(files: Iterable[str]) -> Objects:
    """Read all documents of all files; ``-`` is standard input.

    Raises CommandFailure for a file that cannot be read, a document that is not valid, and a name given twice.
    """
    sources = [part for file in files for source in read_documents(*_text(file)) for part in _parts(source)]
    strategies: dict[str, NamedStrategy] = {}
    snapshots: dict[str, Snapshot] = {}
    ignored = []
    for source in sources:
        kind = _kind(source)
        if kind == "Strategy":
            strategy = validate(Strategy, as_asked(source))
            name = _new_name(source, strategies)
            strategies[name] = NamedStrategy(name, strategy, source)
        elif kind == "Snapshot":
            snapshot = validate(Snapshot, as_asked(source))
            snapshots[_new_name(source, snapshots)] = snapshot
        else:
            ignored.append(f"{source.file}:{source.line(())}: {kind}")
    return Objects(strategies, snapshots, tuple(ignored))


def document_of(file: str, kind: str) -> Source:
    """Return the one object of a kind that a file holds, as it stands there; ``-`` is standard input.

    Raises CommandFailure for a file that cannot be read, that holds something else, or more than one thing.
    """
    sources = [part for source in read_documents(*_text(file)) for part in _parts(source)]
    if len(sources) != 1:
        what = f"{len(sources)} objects" if sources else "no object"
        raise CommandFailure(f"{file} holds {what}", remedy=f"give it one {kind}, and nothing beside it")
    (source,) = sources
    if _kind(source) != kind:
        problem = problem_at(source, ("kind",), f"this is a {_kind(source)}", f"give it a {kind} ({API_VERSION})")
        raise CommandFailure(f"{source.file} holds no {kind}", problems=(problem,))
    return source


def as_asked(source: Source) -> Source:
    """Return an object without what a cluster says of it: a newer version may say what is not known here."""
    value = source.value
    asked = {name: value[name] for name in value if name != "status"} if isinstance(value, dict) else value
    return replace(source, value=asked)


def choose_strategy(objects: Objects, name: str | None) -> NamedStrategy:
    """Return the strategy to run: the one called ``name``, or the only one there is.

    Raises CommandFailure when there is none, when there are several and no name, and when its mode is not available.
    """
    names = ", ".join(objects.strategies)
    if not objects.strategies:
        raise CommandFailure("there is no Strategy to run", remedy="give a file that holds one")
    if name is None and len(objects.strategies) > 1:
        raise CommandFailure(
            f"the files hold {len(objects.strategies)} strategies", remedy=f"choose one by --strategy: {names}"
        )
    if name is not None and name not in objects.strategies:
        raise CommandFailure(f"the files hold no Strategy named {name}", remedy=f"choose one of: {names}")
    chosen = objects.strategies[name] if name else next(iter(objects.strategies.values()))
    _check_mode(chosen)
    return chosen


def snapshot_digest(objects: Objects, chosen: NamedStrategy, given: str | None) -> str:
    """Id of the snapshot to run on: the one given on the command line, or the one that ``spec.snapshotRef`` names."""
    if given is not None:
        return given
    reference = chosen.strategy.spec.snapshot_ref
    assert reference is not None  # noqa: S101 - choose_strategy has seen that it is a backtest, which has one
    name = reference.name
    if name in objects.snapshots:
        return objects.snapshots[name].spec.digest
    known = f" (the files hold {', '.join(objects.snapshots)})" if objects.snapshots else ""
    problem = problem_at(
        chosen.source,
        ("spec", "snapshotRef", "name"),
        f"no Snapshot named {name} is in the files{known}",
        "add its file by another -f, or give its id by --snapshot sha256:...",
    )
    raise CommandFailure(f"{chosen.source.file} cannot be run", problems=(problem,))


def _text(file: str) -> tuple[bytes, str]:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_BYTES + 1), "standard input"
    try:
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1), file
    except OSError as error:
        raise CommandFailure(f"cannot read {file}: {error.strerror}", remedy="check the path given by -f") from error


def _parts(source: Source) -> tuple[Source, ...]:
    """Return the objects of a List, as ``kubectl get -o yaml`` prints several; of anything else, itself."""
    value = source.value
    if not isinstance(value, dict) or (value.get("apiVersion"), value.get("kind")) != ("v1", "List"):
        return (source,)
    items = value.get("items")
    return tuple(source.at(("items", index)) for index in range(len(items))) if isinstance(items, list) else ()


def _kind(source: Source) -> str:
    """Return the kind of a document: the bare kind for our group, kind and apiVersion for others'."""
    if not isinstance(source.value, dict):
        problem = problem_at(source, (), "the document is not a mapping", "write apiVersion, kind, metadata and spec")
        raise CommandFailure(f"{source.file} is not valid", problems=(problem,))
    version, kind = source.value.get("apiVersion"), source.value.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        field = "kind" if isinstance(version, str) else "apiVersion"
        problem = problem_at(source, (field,), "the field is required", f"an object of ours has {API_VERSION}")
        raise CommandFailure(f"{source.file} is not valid", problems=(problem,))
    ours = version.split("/")[0] == GROUP
    return kind if ours else f"{kind} ({version})"


def _new_name(source: Source, taken: Iterable[str]) -> str:
    metadata = source.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if name in (None, ""):
        problem = problem_at(source, ("metadata", "name"), "the field is required", "give the object a name")
    else:
        named = validate(_Named, source).metadata.name
        if named not in taken:
            return named
        problem = problem_at(source, ("metadata", "name"), f"{name} is given twice", "remove or rename one of the two")
    raise CommandFailure(f"{source.file} is not valid", problems=(problem,))


def _check_mode(chosen: NamedStrategy) -> None:
    mode = chosen.strategy.spec.mode
    if mode is not Mode.BACKTEST:
        problem = problem_at(chosen.source, ("spec", "mode"), f"{mode} is not available", f"write {Mode.BACKTEST}")
        raise CommandFailure(f"{chosen.source.file} cannot be run", problems=(problem,))
