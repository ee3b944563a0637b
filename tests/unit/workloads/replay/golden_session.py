"""A sealed session of an earlier build, as text: what this build makes of it must stay what that one recorded.

``python -m tests.unit.workloads.replay.golden_session`` wrote it. Another one is for a new version of a form, and
stands beside this one: what was sealed once must be replayed by every build after.
"""

from __future__ import annotations

import base64
import json
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tests.unit.workloads.replay.sessions_on_record import sealed
from tests.unit.workloads.sessions.trading_floor import Floor, exchange_of

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore

FILE = Path(__file__).with_suffix(".json")
_MESSAGES = 100


def put_golden(store: ObjectStore) -> str:
    """Put the session's snapshot into a store as it was sealed, and return its id."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    snapshot: str = document["snapshot"]
    for name, text in document["parts"].items():
        store.put(layout.snapshot_part(snapshot, name), zlib.decompress(base64.b64decode("".join(text))))
    store.put(layout.snapshot_manifest(snapshot), document["manifest"].encode())
    return snapshot


def _write(folder: Path) -> None:
    store = open_store((folder / "store").as_uri(), create=True)
    floor = Floor(folder, exchange_of(synthetic={"messages": _MESSAGES}))
    floor.trade()
    floor.close()
    snapshot = sealed(store, floor)
    manifest = store.get(layout.snapshot_manifest(snapshot)).decode()
    parts = {
        part["name"]: _lines(store.get(layout.snapshot_part(snapshot, part["name"])))
        for part in json.loads(manifest)["parts"]
    }
    document = {"snapshot": snapshot, "manifest": manifest, "parts": parts}
    FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _lines(data: bytes) -> list[str]:
    text = base64.b64encode(zlib.compress(data, 9)).decode()
    return [text[first : first + 112] for first in range(0, len(text), 112)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        _write(Path(temporary))
