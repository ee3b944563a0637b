"""``Pulumi.STACK.yaml`` and ``Pulumi.yaml``, read without Pulumi, which nothing but running a program needs.

Pulumi's SDK (3.272) does not read a file in which a value is a plain number.
"""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tradeplane_stacks.automation.errors import StackInvalid


def typed(stack: str, folder: Path) -> str:
    """Return how commands, ours and Pulumi's, name a stack from here: with ``-C`` where its program is elsewhere."""
    here, there = Path.cwd(), folder.absolute()
    if there == here:
        return stack
    return f"{stack} -C {shlex.quote(str(there.relative_to(here) if there.is_relative_to(here) else there))}"


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
        StackInvalid: as of ``read_settings``, and when it has no configuration, or secrets of the project's.

    """
    if secrets := secrets_of(file, project):
        raise StackInvalid(
            f"{file}: {', '.join(secrets)} can be read by Pulumi alone, as what is secret is encrypted",
            "what is no secret is written by pulumi config set --path without --secret",
        )
    own = _own(file, project)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()}


def secrets_of(file: Path, project: str) -> tuple[str, ...]:
    """Return the paths of a project's secrets in a stack's file, as ``PROJECT:KEY.FIELD``.

    Raises:
        StackInvalid: as of ``read_settings``, and when it has no configuration.

    """
    return tuple(_secrets({f"{project}:{key}": value for key, value in _own(file, project).items()}))


def _own(file: Path, project: str) -> dict[str, Any]:
    config = read_settings(file).get("config")
    if not isinstance(config, dict):
        raise StackInvalid(f"{file}: config: there is no such mapping", "write the stack's configuration below it")
    start = f"{project}:"
    return {key.removeprefix(start): value for key, value in config.items() if str(key).startswith(start)}


def _secrets(values: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what Pulumi has encrypted: an object of nothing but ``secure``, however deep it stands."""
    if isinstance(values, dict) and set(values) == {"secure"} and isinstance(values["secure"], str):
        yield path
        return
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in inner:
        yield from _secrets(value, f"{path}.{key}" if path else str(key))
