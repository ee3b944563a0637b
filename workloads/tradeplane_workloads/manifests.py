"""Reading what a manifest vouches for, the same for snapshots and for results.

Nothing that comes from a store is believed before its digest is found to be the one stated; every refusal says which
part, and from its block digests where in it. What reads tables is imported where one is read: it is slow to load, and
a manifest has none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from tradeplane_api.base import Document
from tradeplane_store.errors import NotFound, TooLarge
from tradeplane_store.objects import MAX_PART_BYTES

from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    import pyarrow as pa
    from tradeplane_api.run import Part
    from tradeplane_store.objects import ObjectStore

_Manifest = TypeVar("_Manifest", bound=Document)


def read_manifest_bytes(store: ObjectStore, name: str, owner: str, remedy: str) -> bytes:
    """Return the bytes of the manifest of ``owner`` (as a person would name it). Raises DataRefused where none is."""
    try:
        return store.get(name)
    except NotFound as error:
        raise DataRefused(f"{owner} is not in the store {store.url}; {remedy}, or correct the name") from error
    except TooLarge as error:
        raise DataRefused(f"the manifest of {owner} is too large to be one: {error}") from error


def parse_manifest(model: type[_Manifest], data: bytes, owner: str, version: int) -> _Manifest:
    """Return a manifest from its JSON. Raises DataRefused for a newer schema, saying which, and for anything else."""
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataRefused(f"the manifest of {owner} is not JSON: {error}; restore it from a copy") from error
    found = document.get("schemaVersion") if isinstance(document, dict) else None
    if isinstance(found, int) and found > version:
        raise DataRefused(
            f"{owner} has schema version {found}, and this tradeplane reads up to {version}; use a tradeplane, or a "
            f"runner image, that reads version {found}"
        )
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        raise DataRefused(f"the manifest of {owner}: {field}: {first['msg']}; restore it from a copy") from error


def read_part(store: ObjectStore, name: str, part: Part, owner: str, remedy: str) -> pa.Table:
    """Return the table of a part whose records have the digest stated. Raises DataRefused naming the fault.

    ``owner`` names the part as a person would, such as "part equity of results of run r1".
    """
    return part_table(read_part_bytes(store, name, owner, remedy), part, owner, remedy)


def read_part_bytes(store: ObjectStore, name: str, owner: str, remedy: str) -> bytes:
    """Return the bytes of a part's file, not yet believed. Raises DataRefused where it is missing or too large."""
    try:
        return store.get(name, limit=MAX_PART_BYTES)
    except NotFound as error:
        raise DataRefused(f"{owner} is not in the store; {remedy}") from error
    except TooLarge as error:
        raise DataRefused(f"{owner}: {error}; {remedy}") from error


def part_table(data: bytes, part: Part, owner: str, remedy: str) -> pa.Table:
    """Return the table of a part's file whose records have the digest stated. Raises DataRefused naming the fault."""
    from tradeplane_store.records import read_arrow, table_digest

    try:
        table = read_arrow(data)
        found, blocks = table_digest(table)
    except (ValueError, TypeError) as error:
        raise DataRefused(f"{owner}: {error}; {remedy}") from error
    difference = find_difference(found, blocks, part)
    if difference is not None:
        raise DataRefused(f"{owner} {difference}; {remedy}")
    return table


def find_difference(found: str, blocks: tuple[str, ...], part: Part) -> str | None:
    """Say how the digests of what was read differ from those a manifest states, naming the first block; or None."""
    if found == part.digest:
        return None
    from tradeplane_store.records import first_difference

    block = first_difference(blocks, part.blocks)
    where = "" if block is None else f" (the first block that differs is block {block})"
    return f"has the digest {found}, not {part.digest}{where}"
