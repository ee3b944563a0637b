"""``Pulumi.STACK.yaml`` and ``Pulumi.yaml``, read without Pulumi, which nothing but running a program needs.

Pulumi's SDK (3.272) does not read a file in which a value is a plain number.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from tradeplane_stacks.automation.errors import StackInvalid


def read_settings(file: Path) -> dict[str, Any]:
    """Return what a file of a project or of a stack says.

    Raises:
        StackInvalid: when there is no such file, it cannot be read, or is no object.

    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StackInvalid(f"there is no {file}", "name the folder of a program, or another stack") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StackInvalid(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise StackInvalid(f"{file} is no object of settings", "write it as the examples of stacks/ are")
    return found


def read_values(file: Path, project: str) -> dict[str, str]:
    """Return a project's values in a stack's file by key, as Pulumi hands them on: text, or JSON of all else.

    Raises:
        StackInvalid: as of ``read_settings``, and when it has no configuration, or a secret of the project's.

    """
    config = read_settings(file).get("config")
    if not isinstance(config, dict):
        raise StackInvalid(f"{file}: config: there is no such mapping", "write the stack's configuration below it")
    start = f"{project}:"
    own = {key.removeprefix(start): value for key, value in config.items() if str(key).startswith(start)}
    for key, value in own.items():
        if isinstance(value, dict) and set(value) == {"secure"}:
            raise StackInvalid(f"{file}: {start}{key} is a secret, which can be read by Pulumi alone")
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()}
