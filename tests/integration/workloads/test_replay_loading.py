"""What the replay of a session has loaded when its strategy is first called: it takes most of the time until then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tradeplane_store.objects import open_store
from tradeplane_workloads.sessions.bundle import seal_session

from tests.first_input import at_first_input
from tests.unit.workloads.sessions.trading_floor import Floor

if TYPE_CHECKING:
    from pathlib import Path


def test_tables_servers_and_clients_are_not_loaded_before_the_first_input(tmp_path: Path) -> None:
    floor = Floor(tmp_path / "floor")
    floor.trade()
    floor.close()
    store = open_store((tmp_path / "store").as_uri(), create=True)
    session = seal_session(store, floor.session_folder, record=floor.record, previous=None).id
    environment = {
        "TRADEPLANE_REPLAY": json.dumps({"formatVersion": 2, "replay": "r", "session": session}),
        "TRADEPLANE_STORE_URL": store.url,
        "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination"),
    }
    done = subprocess.run(
        [sys.executable, "-c", at_first_input("print(*sorted(sys.modules))")],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "tradeplane_native" in loaded
    assert loaded.isdisjoint({"pyarrow", "pandas", "aiohttp", "asyncio", "obstore", "sqlalchemy", "yaml"})
    ours = {f"tradeplane_workloads.{name}" for name in ("engine.backtest", "events.backtest", "exchange.venue")}
    assert loaded.isdisjoint(ours), "what judges comes after"
