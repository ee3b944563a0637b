"""Versions of what decides a result here, and of where it runs."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from tradeplane_api.base import API_VERSION
from tradeplane_api.run import RUN_FORMAT_VERSION

from tradeplane_cli.failures import CommandFailure

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


def all_versions() -> dict[str, str | list[str]]:
    """Versions of the command, of its parts, of the formats it reads and writes, and of the platform.

    Raises CommandFailure where TRADEPLANE_SIMD asks for a path that is not there.
    """
    return {
        "version": own_version(),
        "apiVersion": API_VERSION,
        "runFormat": str(RUN_FORMAT_VERSION),
        **{name: _installed(name) for name in PARTS},
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
        **_simd(),
    }


def _simd() -> dict[str, str | list[str]]:
    """Instructions that the core computes with, and those it could."""
    try:
        import tradeplane_native
    except ValueError as error:
        raise CommandFailure(str(error)) from error
    return {"simd": tradeplane_native.simd_path(), "simdPaths": tradeplane_native.simd_paths()}


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
