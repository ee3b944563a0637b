"""The store a person works with when they name none: a folder of their own."""

from __future__ import annotations

import os
from pathlib import Path


def store_url(given: str | None) -> str:
    """Return the URL given, a path turned into one, or that of this user's own store, which is made if it is not there.

    The default is ``$XDG_DATA_HOME/tradeplane/store`` as the XDG base directory specification has it.
    """
    if given:
        return given if "://" in given else Path(given).expanduser().absolute().as_uri()
    folder = data_folder() / "store"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()


def data_folder() -> Path:
    """Return where this user's own data are: ``$XDG_DATA_HOME/tradeplane``."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else Path.home() / ".local" / "share"
    return base / "tradeplane"
