"""Put S&P 500 and NASDAQ daily bars into one snapshot, and print its digest.

python docs/examples/import_pair.py file:///path/of/a/store
"""

from __future__ import annotations

import sys

from tradeplane_store.objects import open_store
from tradeplane_workloads.market.importing import import_arch
from tradeplane_workloads.market.snapshots import write_snapshot


def import_pair(url: str) -> str:
    """Write the snapshot into the store at a URL, and return its digest."""
    sources = [import_arch("sp500"), import_arch("nasdaq")]
    series = [one for source in sources for one in source.series]
    return write_snapshot(open_store(url), series, [source.source for source in sources]).id


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(f"{import_pair(sys.argv[1])}\n")
