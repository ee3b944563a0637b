"""pydantic without its search for plugins, in programs that say they have none.

Before it builds its first validator, pydantic loads what finds plugins among the installed packages: the library of
package metadata, and with it e-mail, zip files and much else, which takes a tenth of the time a runner takes to start.
It does so even where PYDANTIC_DISABLE_PLUGINS, its own setting, says that none is to be searched for, as in our images.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "PYDANTIC_DISABLE_PLUGINS"
_SEARCH = "pydantic.plugin._loader"
_ALL = ("__all__", "1", "true")
"""What pydantic reads as: no plugin at all."""


def leave_search_out(environ: Mapping[str, str]) -> None:
    """Where the environment disables all plugins, give pydantic a search that finds none and loads nothing.

    Without that setting, or once pydantic has loaded its own, nothing changes.
    """
    if environ.get(VARIABLE) in _ALL and _SEARCH not in sys.modules:
        nothing = ModuleType(_SEARCH, "Finds no plugin; see tradeplane_api.plugins.")
        vars(nothing)["get_plugins"] = tuple
        sys.modules[_SEARCH] = nothing
