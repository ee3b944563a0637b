"""Plugins that are scripts which start Python, beside a program ``pulumi`` that was built here.

The published Pulumi brings its own; the engine looks for them on PATH and beside itself.
"""

import os
from pathlib import Path


def write_python(beside: Path, name: str, module: str) -> None:
    """Write a plugin beside a program ``pulumi``: it runs a module by Python.

    That is the Python which ``PULUMI_PYTHON_CMD`` names in the environment, else ``python3`` on PATH.
    """
    script = f'#!/bin/sh\nexec "${{PULUMI_PYTHON_CMD:-python3}}" -u -m {module} "$@"\n'
    plugin = beside.with_name(name)
    if plugin.is_file() and plugin.read_text(encoding="utf-8") == script:
        return
    unnamed = plugin.with_suffix(f".{os.getpid()}")
    unnamed.write_text(script, encoding="utf-8")
    unnamed.chmod(0o755)
    unnamed.rename(plugin)
