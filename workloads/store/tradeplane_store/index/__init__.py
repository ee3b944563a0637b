"""The index of snapshots: what there is, without opening every manifest of a store.

    with open_index("postgresql://db.internal/tradeplane") as index:
        index.enter(row)
        rows = index.find(store.url, Wanted(instrument="BTCUSDT"))

It says nothing that the manifests in the store do not: it can be lost, and built again. Postgres by URL, or a SQLite
file beside a store on a disk; the schema is the same, and is brought to the newest version when an index is opened.
"""

from tradeplane_store.index.catalogue import Entry, Index, Wanted
from tradeplane_store.index.opening import beside, is_there, open_index
from tradeplane_store.index.troubles import IndexFailure

__all__ = ["Entry", "Index", "IndexFailure", "Wanted", "beside", "is_there", "open_index"]
