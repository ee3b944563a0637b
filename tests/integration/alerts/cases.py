"""What a table of an alert says: series as Prometheus scrapes them, and what is told of them at which time.

A table is run on the rules as they are, and on every weakening of them (``derived.py``): one that no case notices would
be a rule that nobody tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JOB = "tradeplane-operator"
SCRAPED_EVERY_S = 30
"""As the ServiceMonitor asks for (``operator/deploy/components/monitoring``)."""

Steps = Mapping[float, float | None]
"""A series by the minutes from which on it has a value: not there before the first, and gone from where it is None."""


@dataclass(frozen=True)
class Told:
    """An alert as it fires: its summary, and its labels beside its name and severity."""

    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)


SILENT: tuple[Told, ...] = ()


@dataclass(frozen=True)
class Case:
    """Series, and what is told of them.

    ``series``: by ``of``, beside those of two replicas of which the first leads. ``told``: by the minute of an
    evaluation. ``also``: other alerts that the same series may fire; all that are not named are to be silent.
    """

    name: str
    series: Mapping[str, Steps]
    told: Mapping[float, tuple[Told, ...]]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """The cases of one alert. ``alike``: weakenings by which nothing is told otherwise, as it says of each why."""

    alert: str
    severity: str
    cases: tuple[Case, ...]
    alike: tuple[str, ...] = ()


def of(metric: str, pod: str = "a", job: str = JOB, **labels: str) -> str:
    """Return the name of a series of one replica, as the operator's pods are scraped."""
    told = ",".join(f'{label}="{value}"' for label, value in {"job": job, "pod": pod, **labels}.items())
    return f"{metric}{{{told}}}"


def counted(*minutes: float) -> dict[float, float | None]:
    """Return a counter that is there from the start, at 0, and counts one at each of some minutes."""
    return {0: 0} | {minute: number for number, minute in enumerate(sorted(minutes), 1)}


TWO_REPLICAS: Mapping[str, Steps] = {
    of("up"): {0: 1},
    of("up", "b"): {0: 1},
    of("tradeplane_leader"): {0: 1},
    of("tradeplane_leader", "b"): {0: 0},
}
