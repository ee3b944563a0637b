"""The statement of a run, or of a session, that was run again and judged.

docs/evidence/replay-v1.md says what its names mean. Pure, and of nothing but what was recorded of the replays, so that
the same is stated in the same bytes however often.

Source: in-toto Attestation Framework, predicate "Test Result" (https://in-toto.io/attestation/test-result/v0.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from tradeplane_api.parity import Parity
from tradeplane_store import layout

from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.statements.run import image_dependency
from tradeplane_evidence.statements.statement import (
    Form,
    ResourceDescriptor,
    Statement,
    Subject,
    hexadecimal,
    parsed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradeplane_api.parity import Verdict
    from tradeplane_api.replay import ReplayRun

TEST_RESULT_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
BUILDER = "builder"
"""Name of the configuration that is who ran it again, by its URI: what a keyring knows a key's holder by."""
RUN_DIGEST = "tradeplane.run.v1"
"""Name of the digest over what decides a run's result (docs/formats/digests.md)."""
SPECIFICATION = "specification"
TRADED_BY = "tradedBy"
"""Name of the configuration that is the image by which a session was traded, as was told when it was sealed."""
MAX_TESTS = 1_024
Result = Literal["PASSED", "WARNED", "FAILED"]


class ResultOfTests(Form):
    """The predicate."""

    result: Result
    configuration: tuple[ResourceDescriptor, ...] = Field(max_length=MAX_TESTS, strict=False)
    url: str | None = Field(default=None, max_length=4_096)
    passed_tests: tuple[str, ...] = Field(default=(), max_length=MAX_TESTS, strict=False)
    warned_tests: tuple[str, ...] = Field(default=(), max_length=MAX_TESTS, strict=False)
    failed_tests: tuple[str, ...] = Field(default=(), max_length=MAX_TESTS, strict=False)


@dataclass(frozen=True, slots=True)
class ReplayEvidence:
    """All that is stated of a run's replays, each of which has ended with a verdict.

    ``image``: by which they ran. ``results``: digest of the manifest of results they were held to. ``run_digest``: what
    that manifest says of what decides the result.
    """

    run: str
    image: str
    results: str
    run_digest: str
    replays: Sequence[ReplayRun]
    builder: str

    @property
    def subject(self) -> str:
        """Name of what was replayed."""
        return self.run

    def held_to(self) -> Iterator[ResourceDescriptor]:
        """Yield what the replays were of, and held to."""
        yield ResourceDescriptor(name=SPECIFICATION, digest={RUN_DIGEST: hexadecimal(self.run_digest)})
        yield ResourceDescriptor(name=layout.results_manifest(self.run), digest={"sha256": hexadecimal(self.results)})


@dataclass(frozen=True, slots=True)
class SessionReplayEvidence:
    """The same of a recorded session: ``snapshot`` is the id of the snapshot that holds it.

    ``traded_by``: the image that traded it, where that is told.
    """

    snapshot: str
    image: str
    traded_by: str | None
    replays: Sequence[ReplayRun]
    builder: str

    @property
    def subject(self) -> str:
        """Name of what was replayed."""
        return layout.snapshot_folder(self.snapshot)

    def held_to(self) -> Iterator[ResourceDescriptor]:
        """Yield what the replays were of, and held to: all that was recorded is named in the snapshot's manifest."""
        if self.traded_by is not None:
            yield image_dependency(self.traded_by).model_copy(update={"name": TRADED_BY})
        yield ResourceDescriptor(
            name=layout.snapshot_manifest(self.snapshot), digest={"sha256": hexadecimal(self.snapshot)}
        )


def replay_statement(evidence: ReplayEvidence | SessionReplayEvidence, artifact: str) -> Statement:
    """Return what is stated of the artifact of a run's results, or of a session, by the digest of its OCI manifest.

    Raises PolicyRefused where a replay was not judged.
    """
    judged = [(replay, _judged(replay)) for replay in evidence.replays]
    tests: dict[str, Parity] = {}
    for replay, verdict in judged:
        for part, parity in (("decisions", verdict.decisions), ("execution", verdict.execution)):
            name = f"{replay.architecture.value}/{part}"
            tests[name] = max(parity, tests.get(name, parity), key=_GRAVITY.index)
    passed, warned, failed = ([name for name in sorted(tests) if tests[name] is one] for one in _GRAVITY)
    result = ResultOfTests(
        result="FAILED" if failed else "WARNED" if warned else "PASSED",
        configuration=tuple(_configuration(evidence)),
        passed_tests=tuple(passed),
        warned_tests=tuple(warned),
        failed_tests=tuple(failed),
    )
    subject = Subject(name=evidence.subject, digest={"sha256": hexadecimal(artifact)})
    return Statement(subject=(subject,), predicate_type=TEST_RESULT_TYPE, predicate=result.plain())


def result_of_tests(statement: Statement) -> ResultOfTests:
    """Return the results of tests that a statement states.

    Raises PolicyRefused where it states something else, and Malformed where its result is not that of its tests.
    """
    if statement.predicate_type != TEST_RESULT_TYPE:
        raise PolicyRefused(f"the statement is a {statement.predicate_type}, and not {TEST_RESULT_TYPE}")
    found = parsed(ResultOfTests, statement.predicate, "the results of tests")
    if found.failed_tests and found.result != "FAILED":
        raise Malformed(f"the results of tests: result: {found.result}, and {found.failed_tests[0][:64]!r} failed")
    if found.warned_tests and found.result == "PASSED":
        raise Malformed(f"the results of tests: result: PASSED, and {found.warned_tests[0][:64]!r} warned")
    return found


_GRAVITY = (Parity.EXACT, Parity.WITHIN, Parity.DIVERGED)


def _judged(replay: ReplayRun) -> Verdict:
    verdict = replay.verdict
    if verdict is None or Parity.UNJUDGED in (verdict.decisions, verdict.execution):
        raise PolicyRefused(f"replay {replay.name} was not judged, and is no test of what it is of")
    return verdict


def _configuration(evidence: ReplayEvidence | SessionReplayEvidence) -> Iterator[ResourceDescriptor]:
    yield ResourceDescriptor(name=BUILDER, uri=evidence.builder)
    yield image_dependency(evidence.image)
    yield from evidence.held_to()
    for replay in evidence.replays:
        if replay.record_digest is not None:
            yield ResourceDescriptor(
                name=layout.replay_record(replay.name),
                digest={"sha256": hexadecimal(replay.record_digest)},
                annotations=_annotations(replay, _judged(replay)),
            )


def _annotations(replay: ReplayRun, verdict: Verdict) -> dict[str, str | int]:
    """Return what the record says, for whoever has the statement and not the store."""
    said: dict[str, str | int] = {
        "architecture": replay.architecture.value,
        "repeat": replay.repeat,
        "decisions": verdict.decisions.value,
        "execution": verdict.execution.value,
        "fills": f"{verdict.fills_matched}/{verdict.fills}",
        "pnlDifference": verdict.pnl_difference,
    }
    if replay.completion_time is not None:
        said["finishedOn"] = replay.completion_time
    if verdict.divergence is not None:
        first = verdict.divergence
        said["divergence"] = f"{first.part}[{first.sequence}].{first.field}"
    return said
