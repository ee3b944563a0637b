"""A run on this machine: the question a Strategy asks, put to the code a pod runs.

Nothing is computed here. The simulation is taken out of the Strategy as the operator takes it, so the result digest is
the cluster's; the run digest differs from the cluster's by the image, of which there is none here.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from tradeplane_api.run import MAX_SPECIFICATION_BYTES, ResultsManifest, RunSpecification
from tradeplane_api.simulation import Simulation
from tradeplane_api.strategy import quantity

from tradeplane_cli.deadline import DeadlineExceeded, within
from tradeplane_cli.documents.locating import problem_at
from tradeplane_cli.documents.objects import NamedStrategy, choose_strategy, read_objects, snapshot_digest
from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.memory_limit import MemoryExceeded, taking_at_most
from tradeplane_cli.progress import stage
from tradeplane_cli.report.wording import summary_rows

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore
    from tradeplane_workloads.errors import InvalidSpecification

    from tradeplane_cli.documents.yaml_text import Path

MAX_STRATEGY_PART = 240
"""Characters of a strategy's name kept in the name of a run, which may have 253 in all."""
DIGEST_PART = 10
"""Hexadecimal digits of the run digest in the name of a run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run and the store its results are in."""

    manifest: ResultsManifest
    store: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        manifest = self.manifest
        return {
            "run": manifest.specification.run,
            "resultDigest": manifest.result_digest,
            "runDigest": manifest.run_digest,
            "snapshots": list(manifest.specification.snapshots),
            "store": self.store,
            "summary": manifest.summary.model_dump(mode="json"),
        }

    def as_rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        return [
            ("Run", self.manifest.specification.run),
            ("Result digest", self.manifest.result_digest),
            *summary_rows(self.manifest.summary),
        ]


def run_strategy(
    files: tuple[str, ...], url: str, *, snapshot: str | None, strategy: str | None, run_name: str | None
) -> Outcome:
    """Run the strategy of ``files`` on a snapshot in the store at ``url``, and leave its results there.

    Raises CommandFailure for what is wrong with the files, located in them, and what the runner raises.
    """
    objects = read_objects(files)
    chosen = choose_strategy(objects, strategy)
    for place in objects.ignored:
        sys.stderr.write(f"note: {place} is left aside\n")
    wanted = specification(chosen, snapshot_digest(objects, chosen, snapshot), run_name)

    from tradeplane_store.objects import open_store

    store = open_store(url)
    return Outcome(_run(chosen, wanted, store), store.url)


def specification(chosen: NamedStrategy, digest: str, run_name: str | None) -> RunSpecification:
    """Return the run a strategy asks for on one snapshot, under the name given or one made from the run digest."""
    spec = chosen.strategy.spec
    simulation = Simulation.model_validate({name: getattr(spec, name) for name in Simulation.model_fields})
    try:
        asked = RunSpecification(run=run_name or "unnamed", snapshots=(digest,), simulation=simulation)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = "--snapshot" if first["loc"][0] == "snapshots" else "--run"
        raise CommandFailure(f"{option} {first['input']} {first['msg']}") from error
    size = len(asked.model_dump_json().encode())
    if size > MAX_SPECIFICATION_BYTES:
        problem = problem_at(
            chosen.source,
            ("spec", "algorithm", "parameters"),
            f"the run specification has {size:,} bytes, more than the {MAX_SPECIFICATION_BYTES:,} a runner takes",
            "shorten the parameters",
        )
        raise CommandFailure(f"{chosen.source.file} cannot be run", problems=(problem,))
    return asked if run_name else asked.model_copy(update={"run": _default_name(chosen.name, asked)})


def _default_name(strategy: str, asked: RunSpecification) -> str:
    from tradeplane_store.canonical import run_digest

    digits = run_digest(asked).removeprefix("sha256:")[:DIGEST_PART]
    return f"{strategy[:MAX_STRATEGY_PART].rstrip('-.')}-{digits}"


def _run(chosen: NamedStrategy, wanted: RunSpecification, store: ObjectStore) -> ResultsManifest:
    from tradeplane_workloads.errors import InvalidSpecification
    from tradeplane_workloads.runner.execution import run

    seconds = chosen.strategy.spec.active_deadline_seconds
    memory = chosen.strategy.spec.resources.limits.memory
    path: Path
    with stage("Reading the snapshot") as say:
        try:
            with within(seconds), taking_at_most(None if memory is None else int(quantity(memory))):
                return run(wanted, store, say=say).manifest
        except InvalidSpecification as error:
            raise _located(chosen, error) from error
        except DeadlineExceeded:
            path, what = ("spec", "activeDeadlineSeconds"), f"the run took longer than {seconds} s, and was ended"
        except MemoryExceeded:
            path, what = ("spec", "resources", "limits", "memory"), f"the run took more than {memory}, and was ended"
    problem = problem_at(chosen.source, path, what, "raise it, run on less data, or mend the strategy")
    raise CommandFailure(f"{chosen.source.file} was not run to its end", problems=(problem,))


def _located(chosen: NamedStrategy, error: InvalidSpecification) -> CommandFailure:
    """Return the engine's refusal at the line of the field that its message begins with, where it begins with one."""
    field, separator, message = str(error).partition(": ")
    path = _path(field)
    known = {inner.alias or name for name, inner in Simulation.model_fields.items()}
    if not separator or not path or path[0] not in known:
        return CommandFailure(str(error), code=error.exit_code)
    problem = problem_at(chosen.source, ("spec", *path), message)
    return CommandFailure(f"{chosen.source.file} cannot be run", code=error.exit_code, problems=(problem,))


def _path(field: str) -> Path:
    """``costs.tiers[0].basisPoints`` as its steps; empty where it is no path."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+|\[[0-9]+\])*", field):
        return ()
    return tuple(
        int(step[1:-1]) if step.startswith("[") else step for step in re.findall(r"[A-Za-z0-9_-]+|\[\d+\]", field)
    )
