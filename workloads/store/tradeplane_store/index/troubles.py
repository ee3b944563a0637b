"""What can go wrong with an index, in words without a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_store.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL


class IndexFailure(StoreError):
    """The index cannot be reached, or is none; the snapshots in the store are as they were."""


def words_of(url: URL, error: Exception) -> str:
    """Return what is wrong with an index, and what to do."""
    first = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return (
        f"the index {url.render_as_string(hide_password=True)}: {first}; check that it is there and may be used. The "
        "snapshots are in the store all the same: tradeplane snapshot reindex enters them again"
    )
