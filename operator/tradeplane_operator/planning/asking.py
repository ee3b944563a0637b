"""What a Strategy asks for: which change of its spec is a new run, what is pinned, what is refused at once.

Changes of ``schedule``, ``suspend``, ``rerun``, ``ttlSecondsAfterFinished`` and ``historyLimit`` do not ask for
something else; every other change does. ``rerun`` and ``schedule`` ask for the same again.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tradeplane_api.run import RunSpecification
from tradeplane_api.simulation import Simulation
from tradeplane_api.strategy import Mode, PinnedInputs, StrategySpec
from tradeplane_store.canonical import run_digest

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.documents import SPECS_REMEMBERED
from tradeplane_operator.planning.schedule import ScheduleError, check_schedule

if TYPE_CHECKING:
    from tradeplane_operator.planning.observed import SnapshotView
    from tradeplane_operator.settings import Settings

_NOT_ASKED = {"schedule", "suspend", "rerun", "ttl_seconds_after_finished", "history_limit"}
_SIMULATION = set(Simulation.model_fields)
_BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


class _This:
    """A spec as a key, by identity: ``read_spec`` gives one object for equal specs, and nobody changes one."""

    __slots__ = ("spec",)

    def __init__(self, spec: StrategySpec) -> None:
        self.spec = spec

    def __hash__(self) -> int:
        return id(self.spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and other.spec is self.spec


def asked_digest(spec: StrategySpec) -> str:
    """Return a digest of what a spec asks to be run; equal digests ask for the same run."""
    return _asked_digest(_This(spec))


@lru_cache(maxsize=SPECS_REMEMBERED)
def _asked_digest(this: _This) -> str:
    spec = this.spec
    asked = spec.model_dump(mode="json", by_alias=True, exclude=_NOT_ASKED)
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def image_of(spec: StrategySpec, settings: Settings) -> str:
    """Return the image that a spec asks to be run by."""
    return spec.image or settings.images.default


def pin(spec: StrategySpec, generation: int, snapshot: SnapshotView, settings: Settings) -> PinnedInputs:
    """Return image and data by digest, as they are now, for all runs of what is asked."""
    return PinnedInputs(
        generation=generation,
        image=image_of(spec, settings),
        snapshots=(snapshot.digest,),
        asked=asked_digest(spec),
    )


def run_specification(run: str, spec: StrategySpec, pinned: PinnedInputs) -> RunSpecification:
    """Return what a runner is told, from the spec and the pinned inputs."""
    simulation = Simulation.model_construct(**{name: getattr(spec, name) for name in _SIMULATION})
    return RunSpecification(run=run, snapshots=pinned.snapshots, image=pinned.image, simulation=simulation)


class _Equal:
    """A specification as a key, by what it says: what plans a run and what left its results say the same."""

    __slots__ = ("specification", "text")

    def __init__(self, specification: RunSpecification) -> None:
        self.specification = specification
        self.text = specification.model_dump_json()

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Equal) and other.text == self.text


def digest_of(specification: RunSpecification) -> str:
    """Return the run digest of a specification; remembered, because each run's is asked for three times."""
    return _run_digest(_Equal(specification))


@lru_cache(maxsize=SPECS_REMEMBERED)
def _run_digest(this: _Equal) -> str:
    return run_digest(this.specification)


def refused(spec: StrategySpec, settings: Settings) -> Verdict | None:
    """Return why a spec cannot be run until somebody changes it or the settings, or None."""
    for check in (_mode_refused, _store_refused, _image_refused, _schedule_refused):
        verdict = check(spec, settings)
        if verdict is not None:
            return verdict
    return None


def _stalled(reason: str, message: str) -> Verdict:
    return Verdict(Standing.STALLED, reason, message)


def _mode_refused(spec: StrategySpec, _settings: Settings) -> Verdict | None:
    if spec.mode is not Mode.LIVE:
        return None
    return _stalled(
        "ModeNotAvailable",
        f"spec.mode {spec.mode.value} is always refused: this release sends no order to a real venue, so nothing would "
        "be traded; use Backtest, or Paper, which trades a simulated exchange",
    )


def _store_refused(spec: StrategySpec, settings: Settings) -> Verdict | None:
    if spec.store in settings.stores:
        return None
    known = ", ".join(sorted(settings.stores))
    return _stalled(
        "StoreUnknown", f"spec.store {spec.store!r} is not a store of this cluster; the administrator offers: {known}"
    )


def _image_refused(spec: StrategySpec, settings: Settings) -> Verdict | None:
    return image_refused(spec.image, settings)


def image_refused(image: str | None, settings: Settings) -> Verdict | None:
    """Return why ``spec.image`` may not be run here, or None."""
    if image is None:
        return None
    if settings.images.require_digest and not _BY_DIGEST.search(image):
        return _stalled(
            "ImageWithoutDigest",
            f"spec.image {image!r} names no digest, which the administrator requires; "
            "write it as name@sha256:<64 hex digits>",
        )
    if settings.images.registries and not image.startswith(settings.images.registries):
        allowed = ", ".join(settings.images.registries)
        return _stalled("ImageNotAllowed", f"spec.image {image!r} must begin with one of: {allowed}")
    return None


def _schedule_refused(spec: StrategySpec, _settings: Settings) -> Verdict | None:
    if spec.schedule is None:
        return None
    try:
        check_schedule(spec.schedule)
    except ScheduleError as error:
        return _stalled("InvalidSchedule", str(error))
    return None
