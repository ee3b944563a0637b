"""Where in the checkout a demo writes what is its own: a folder for each instance, since `down` takes it away whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def generated_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the demo of an environment: another for another ``TRADEPLANE_INSTANCE``.

    What cannot name an instance makes no path; where a cluster is made by that name it is refused.
    """
    instance = environment.get("TRADEPLANE_INSTANCE", "")
    its_own = instance.isalnum() and instance != Settings.instance
    return CHECKOUT / "build" / (f"demo-{instance}" if its_own else "demo")
