"""Versions of what decides a result here, and of where it runs."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from tradeplane_api.base import API_VERSION
from tradeplane_api.run import RUN_FORMAT_VERSION

PARTS = (
    "tradeplane-api",
    "tradeplane-store",
    "tradeplane-workloads",
    "tradeplane-native",
    "numpy",
    "pyarrow",
    "plotly",
)


def own_version() -> str:
    """Version of the command."""
    return version("tradeplane-cli")


def all_versions() -> dict[str, str]:
    """Versions of the command, of its parts, of the formats it reads and writes, and of the platform."""
    return {
        "version": own_version(),
        "apiVersion": API_VERSION,
        "runFormat": str(RUN_FORMAT_VERSION),
        **{name: _installed(name) for name in PARTS},
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
