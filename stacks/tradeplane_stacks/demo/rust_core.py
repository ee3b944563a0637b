"""The Rust core of the environment that the demo's own commands run in.

``make demo`` makes an environment without it: optimising it takes minutes of one processor, and the images need it as
well. Their wheel of it is installed, so that it is compiled once for this machine. An environment that ``make sync``
made has a core of its own, which uv compiles from this checkout and keeps as new as its sources.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from tradeplane_stacks.demo.programs import run
from tradeplane_stacks.images.bytecode import host_architecture

if TYPE_CHECKING:
    from tradeplane_stacks.images.contents import Preparation

PACKAGE = "tradeplane-native"
_WHEEL = ".whl"
_REMEDY = "`make sync` compiles the core for this checkout's environment instead."


def provide_core(preparation: Preparation) -> None:
    """Have this Python's environment the core of the checkout, where it has none or one that a demo installed.

    Raises:
        ImageError: it cannot be built.
        DemoError: it cannot be installed.

    """
    origin = origin_of(PACKAGE)
    if origin and not origin.endswith(_WHEEL):
        return
    wheel = preparation.native_wheel(host_architecture())
    if origin == wheel.as_uri():
        return
    preparation.say(f"{PACKAGE}: installing {wheel.name} for the commands of this checkout")
    options = ("--quiet", "--no-config", "--no-deps", "--reinstall-package", PACKAGE, "--python", sys.executable)
    run(["uv", "pip", "install", *options, wheel], _REMEDY)


def origin_of(package: str) -> str:
    """Return the URL that a package was installed from, as PEP 610 records it; empty where it is not installed."""
    try:
        recorded = distribution(package).read_text("direct_url.json")
    except PackageNotFoundError:
        return ""
    return str(json.loads(recorded)["url"]) if recorded else ""
