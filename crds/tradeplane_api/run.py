"""What a runner is asked, and what it answers.

The specification travels inside the Job, so that a run needs no API access; the answer's authority is the results
manifest in the store, and the pod's termination message only saves a read of it.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Name, Timestamp
from tradeplane_api.free_values import MAX_WHOLE
from tradeplane_api.simulation import Simulation

RUN_FORMAT_VERSION = 1
SPECIFICATION_VARIABLE = "TRADEPLANE_RUN"
"""Environment variable that carries the JSON of a RunSpecification into a pod."""
STORE_VARIABLE = "TRADEPLANE_STORE_URL"
"""Environment variable that carries the URL of the namespace's store as the pod sees it; decides no result."""
MAX_SPECIFICATION_BYTES = 65_536
MAX_TERMINATION_BYTES = 4_096
MAX_STATUS_FIGURE = 64
"""Characters of a figure of a result in the status of its Strategy."""


class RunSpecification(Document):
    """One run: what to compute, on which data, with which image."""

    format_version: Literal[1] = 1
    run: Name = Field(description="Name of the run; its results lie under results/<run>/ and nowhere else.")
    snapshots: tuple[Digest, ...] = Field(min_length=1, max_length=16, description="Ids of the snapshots read.")
    image: str | None = Field(default=None, max_length=512, description="The image by digest; none on a laptop.")
    simulation: Simulation


class ExitCode(IntEnum):
    """How a runner ends. ``INVALID`` and ``REFUSED`` are final; the others may be tried again."""

    OK = 0
    INTERNAL = 1
    INVALID = 2
    """The specification cannot be run: an unknown algorithm, a parameter out of range."""
    REFUSED = 3
    """The data are not what their digest says, or cannot be used."""
    STORE = 4
    """The store is full or cannot be reached."""


class Outcome(StrEnum):
    """Where a run stands."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


Figure = Annotated[str, Field(pattern=r"^-?[0-9]{1,320}(\.[0-9]{1,9})?$")]
"""A figure of a result, a decimal string: a number of 64 bits has up to 309 digits before the point."""
StatusFigure = Annotated[Figure, Field(max_length=MAX_STATUS_FIGURE)]
"""A figure that the status of its Strategy has as well."""
Count = Annotated[int, Field(ge=0, le=MAX_WHOLE)]
"""How many there are of something."""


class Summary(Document):
    """The figures a person asks for first; decimal strings, defined in docs/results.md.

    None stands where a figure is undefined (no trades, no variance).
    """

    start: Timestamp = Field(description="Time of the first bar, RFC 3339.")
    end: Timestamp = Field(description="Time of the last bar, RFC 3339.")
    bars: Count
    trades: Count
    final_equity: Figure
    total_return: StatusFigure
    annual_return: Figure | None
    volatility: Figure | None
    sharpe: StatusFigure | None
    sortino: Figure | None
    calmar: Figure | None
    max_drawdown: StatusFigure
    max_drawdown_start: Timestamp | None
    max_drawdown_end: Timestamp | None
    turnover: Figure | None
    exposure: Figure
    hit_rate: Figure | None


class Part(Document):
    """One Arrow file of a snapshot or a result."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    rows: Count
    digest: Digest = Field(description="Digest of the canonical logical records, not of the file's bytes.")
    blocks: tuple[Digest, ...] = Field(
        default=(), description="Digests of consecutive blocks of records, for finding the first that differs."
    )


class ResultsManifest(Document):
    """What a run left in the store: results/<run>/manifest.json, written last and once."""

    schema_version: Literal[1] = 1
    kind: Literal["Results"] = "Results"
    specification: RunSpecification
    run_digest: Digest = Field(description="Digest of what decides the result: simulation, snapshots, image, format.")
    result_digest: Digest = Field(description="Digest of the parts' digests and the summary; equal wherever it ran.")
    parts: tuple[Part, ...]
    summary: Summary
    environment: dict[str, str] = Field(description="Where it ran; enters no digest.")


class TerminationMessage(Document):
    """What a pod says at its end, at most 4,096 bytes: a hint that saves a read, or the words of a failure."""

    exit_code: ExitCode
    message: str = Field(default="", max_length=2_000)
    manifest_digest: Digest | None = None
    result_digest: Digest | None = None
    files_digest: Digest | None = None
