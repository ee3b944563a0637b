"""``python -m tradeplane_workloads.replay``: one attempt at the replay that ``TRADEPLANE_REPLAY`` (JSON) specifies.

It ends with 0 whatever the verdict is: that the replay differs is its answer, not its failure, and another attempt
would find the same.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.parity import REPLAY_VARIABLE, ReplaySpecification
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import document_digest

from tradeplane_workloads.replay.asked import replayed
from tradeplane_workloads.replay.record import write_record
from tradeplane_workloads.runner.attempt import attempt
from tradeplane_workloads.runner.specification import read_specification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_store.objects import ObjectStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay as a task."""

    specification: ReplaySpecification

    @property
    def name(self) -> str:
        """Name of the replay."""
        return self.specification.replay

    def log_path(self, attempt: str) -> str:
        """Return the path of an attempt's log, beside the record."""
        return layout.replay_log(self.name, attempt)

    def execute(self, store: ObjectStore, attempt: str) -> TerminationMessage:
        """Replay what is asked for and leave the record of the verdict in the store."""
        record = write_record(
            store, replayed(self.specification, store, say=_log.info, environment={"attempt": attempt})
        )
        verdict = record.verdict
        _log.info("decisions %s, execution %s", verdict.decisions.value, verdict.execution.value)
        return TerminationMessage(
            exit_code=ExitCode.OK, manifest_digest=document_digest(record), result_digest=record.result_digest
        )


def read_replay(environ: Mapping[str, str]) -> Replay:
    """Return the replay an environment asks for. Raises InvalidSpecification."""
    return Replay(read_specification(ReplaySpecification, REPLAY_VARIABLE, environ))


def main() -> int:
    """Make one attempt from the environment and return its exit code."""
    return attempt(os.environ, read_replay)


if __name__ == "__main__":
    sys.exit(main())
