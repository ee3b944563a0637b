"""What the options of ``tradeplane replay`` ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from tradeplane_api.parity import Tolerance, WhatIf

from tradeplane_cli.documents.locating import validate
from tradeplane_cli.documents.yaml_text import MAX_BYTES, read_documents
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE = {"latencyMicroseconds"}
_TOLERANCES = ("pnl", "fillPrice", "fillQuantity", "latencyMicroseconds")


def tolerance_of(text: str | None) -> Tolerance | None:
    """Read ``pnl=0.01,fillPrice=0.1``. Raises CommandFailure naming what is wrong."""
    if text is None:
        return None
    given: dict[str, Any] = {}
    for pair in text.split(","):
        name, found, value = pair.partition("=")
        if not found or name not in _TOLERANCES or name in given:
            raise CommandFailure(
                f"--tolerance: {pair!r} is no tolerance",
                remedy=f"give NAME=VALUE, once of each and a comma between, of {', '.join(_TOLERANCES)}",
            )
        given[name] = int(value) if name in _WHOLE and value.isascii() and value.isdigit() else value
    try:
        return Tolerance.model_validate(given)
    except ValidationError as error:
        raise _refused("--tolerance", error) from error


def what_if_of(file: str | None, parameters: Sequence[str]) -> WhatIf | None:
    """Read the fields of ``spec.whatIf`` from a YAML file, and parameters given one by one in their place.

    Raises CommandFailure naming the file and line, or the parameter, that is wrong.
    """
    if file is None and not parameters:
        return None
    named = dict(map(_parameter, parameters))
    try:
        if file is None:
            return WhatIf(parameters=named)
        read = _read(file)
        return WhatIf(parameters=read.parameters | named, fees=read.fees, latency=read.latency, costs=read.costs)
    except ValidationError as error:
        raise _refused("--parameter", error) from error


def _read(file: str) -> WhatIf:
    try:
        with Path(file).open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandFailure(f"cannot read {file}: {error.strerror}", remedy="check the path of --what-if") from error
    documents = read_documents(text, file)
    if len(documents) != 1:
        raise CommandFailure(f"{file} holds {len(documents)} documents", remedy="write one, the fields of spec.whatIf")
    return validate(WhatIf, documents[0])


def _parameter(text: str) -> tuple[str, Any]:
    """Return a name and its value: JSON, or the text itself where it is none."""
    name, found, value = text.partition("=")
    if not found or not name:
        raise CommandFailure(f"--parameter: {text!r} is no parameter", remedy="give NAME=VALUE, such as fast=5")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _refused(option: str, error: ValidationError) -> CommandFailure:
    problem = error.errors(include_url=False)[0]
    field = ".".join(str(step) for step in problem["loc"])
    return CommandFailure(f"{option}: {field}: {problem['msg']}" if field else f"{option}: {problem['msg']}")
