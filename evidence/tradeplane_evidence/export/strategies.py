"""Runs as a cluster states them: what ``kubectl get strategies -A -o json`` prints.

Where a registry lists nothing this is how its runs are found; and it names runs that succeeded and have no attestation,
which no registry can. It is the cluster's word and nobody signed it, so nothing is taken from it but where to look and
what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import InvalidReference, Malformed
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.statements.statement import Form, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_evidence.registry.references import Reference

MAX_STRATEGIES_BYTES = 256 * 1024 * 1024
"""Of the list; a Strategy with a full history has about 100 KiB."""
MAX_STRATEGIES = 20_000
MAX_RUNS = 200
"""Runs of one Strategy; its API keeps 151 at most."""
SUCCEEDED = "Succeeded"


class _Attestation(Form):
    reference: str = Field(max_length=512)


class _Run(Form):
    name: str = Field(max_length=253)
    outcome: str = Field(default="", max_length=64)
    completion_time: str | None = Field(default=None, max_length=64)
    attestation: _Attestation | None = None


class _Status(Form):
    latest: _Run | None = None
    history: tuple[_Run, ...] = Field(default=(), max_length=MAX_RUNS, strict=False)


class _Metadata(Form):
    name: str = Field(max_length=253)
    namespace: str = Field(default="", max_length=253)


class _Strategy(Form):
    metadata: _Metadata
    status: _Status = Field(default_factory=_Status)


class _Strategies(Form):
    items: tuple[_Strategy, ...] = Field(max_length=MAX_STRATEGIES, strict=False)


@dataclass(frozen=True, slots=True)
class StatedRun:
    """A run that succeeded, by a cluster's word. ``reference``: None where it has no attestation."""

    namespace: str
    strategy: str
    run: str
    finished: str | None
    reference: Reference | None


def read_strategies(data: bytes) -> tuple[StatedRun, ...]:
    """Return the runs that succeeded, of a list of Strategies or of one. Raises Malformed."""
    what = "the list of Strategies"
    value = strict_json.parse(data, what, MAX_STRATEGIES_BYTES)
    if isinstance(value, dict) and "items" not in value:
        value = {"items": [value]}
    listed = parsed(_Strategies, value, f"{what}, as kubectl get strategies -A -o json prints it")
    return tuple(dict.fromkeys(run for strategy in listed.items for run in _runs(strategy)))


def _runs(strategy: _Strategy) -> Iterator[StatedRun]:
    latest, name = strategy.status.latest, strategy.metadata
    for run in (*(() if latest is None else (latest,)), *strategy.status.history):
        if run.attestation is None and run.outcome != SUCCEEDED:
            continue
        reference = None if run.attestation is None else _reference(run.attestation.reference, strategy, run)
        yield StatedRun(name.namespace, name.name, run.name, run.completion_time, reference)


def _reference(text: str, strategy: _Strategy, run: _Run) -> Reference:
    whose = f"run {run.name} of Strategy {strategy.metadata.namespace}/{strategy.metadata.name}"
    try:
        found = parse_reference(text)
    except InvalidReference as error:
        raise Malformed(f"{whose}: status: {error}") from error
    if found.digest is None:
        raise Malformed(f"{whose}: status: the reference {text} has no digest, and the operator writes none such")
    return found
