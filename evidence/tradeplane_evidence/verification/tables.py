"""Files of a run held to its manifest: what the tables hold has the digests that the manifest has of it.

Apart, because it needs Arrow, which an operator's image has not: that signs what a run's own pod said it left, and
whoever verifies looks into the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_store.plain_tables import read_plain
from tradeplane_store.records import table_digest

from tradeplane_evidence.errors import Malformed, ResultsChanged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.run import Part, ResultsManifest


def check_tables(results: ResultsManifest, files: Mapping[str, bytes]) -> None:
    """Check all tables of a run, by the names of their files. Raises Malformed or ResultsChanged naming the file."""
    for part in results.parts:
        check_table(f"{part.name}.arrow", files[f"{part.name}.arrow"], part)


def check_table(name: str, data: bytes, part: Part) -> None:
    """Check that a file holds the records that a manifest names. Raises Malformed or ResultsChanged naming the file."""
    try:
        found, _ = table_digest(read_plain(data, part.rows))
    except (ValueError, TypeError) as error:
        raise Malformed(
            f"file {name} is no table as a run writes it: {error}; see who may write to its store, and run it again"
        ) from error
    if found != part.digest:
        raise ResultsChanged(
            f"file {name} holds records of digest {found}, and the run's manifest has {part.digest}: it is not the "
            "file that the run left; see who may write to its store, and run it again"
        )
