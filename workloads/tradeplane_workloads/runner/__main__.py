"""``python -m tradeplane_workloads.runner``: one attempt at the run that ``TRADEPLANE_RUN`` (JSON) specifies."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode, RunSpecification, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import document_digest

from tradeplane_workloads.runner.attempt import attempt
from tradeplane_workloads.runner.specification import specification_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Run:
    """A run as a task."""

    specification: RunSpecification

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.specification.run

    def log_path(self, attempt: str) -> str:
        """Return the path of an attempt's log, beside the results."""
        return layout.results_log(self.name, attempt)

    def execute(self, store: ObjectStore, attempt: str) -> TerminationMessage:
        """Run to the end and leave the results in the store."""
        # Only now: an attempt that cannot begin says so without having loaded Arrow.
        from tradeplane_workloads.runner.execution import run

        written = run(self.specification, store, environment={"attempt": attempt})
        return TerminationMessage(
            exit_code=ExitCode.OK,
            manifest_digest=document_digest(written.manifest),
            result_digest=written.manifest.result_digest,
            files_digest=written.files,
        )


def read_run(environ: Mapping[str, str]) -> Run:
    """Return the run an environment asks for. Raises InvalidSpecification."""
    return Run(specification_from(environ))


def main() -> int:
    """Run one attempt from the environment and return its exit code."""
    return attempt(os.environ, read_run)


if __name__ == "__main__":
    sys.exit(main())
