"""Finished runs as the commands list and show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_cli.printing import columns
from tradeplane_cli.progress import bar, stage
from tradeplane_cli.report.wording import day, number, percent, summary_rows

if TYPE_CHECKING:
    from tradeplane_api.run import ResultsManifest
    from tradeplane_workloads.analytics.bootstrap import SharpeInterval


@dataclass(frozen=True, slots=True)
class Listing:
    """The finished runs of a store; ``faults`` says of those that could not be read what is wrong with them."""

    manifests: tuple[ResultsManifest, ...]
    store: str
    faults: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "store": self.store,
            "items": [
                {
                    "run": manifest.specification.run,
                    "algorithm": manifest.specification.simulation.algorithm.name,
                    "resultDigest": manifest.result_digest,
                    "runDigest": manifest.run_digest,
                    "summary": manifest.summary.model_dump(mode="json"),
                }
                for manifest in self.manifests
            ],
            "faults": list(self.faults),
        }

    def as_table(self) -> str:
        """Lines for people."""
        faults = [f"cannot be shown: {fault}" for fault in self.faults]
        if not self.manifests:
            return "\n".join([f"No finished runs in {self.store}", *faults])
        headers = ["Run", "Algorithm", "Period", "Return", "Sharpe", "Drawdown", "Trades", "Result"]
        return "\n".join([columns(headers, [_row(manifest) for manifest in self.manifests]), *faults])


@dataclass(frozen=True, slots=True)
class Shown:
    """One run, its parts verified."""

    manifest: ResultsManifest

    def as_json(self) -> dict[str, Any]:
        """Return the run's manifest as it is in the store."""
        return self.manifest.model_dump(mode="json")

    def as_rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        specification = self.manifest.specification
        algorithm = specification.simulation.algorithm
        parameters = ", ".join(f"{name}={value}" for name, value in sorted(algorithm.parameters.items()))
        return [
            ("Run", specification.run),
            ("Algorithm", f"{algorithm.name} ({parameters})" if parameters else algorithm.name),
            *summary_rows(self.manifest.summary),
            ("Result digest", self.manifest.result_digest),
            ("Run digest", self.manifest.run_digest),
            *(("Snapshot", digest) for digest in specification.snapshots),
            ("Image", specification.image or "none"),
        ]

    def parts_table(self) -> tuple[list[str], list[list[str]]]:
        """Headers and rows of the table of parts."""
        return ["Part", "Rows", "Digest"], [[part.name, f"{part.rows:,}", part.digest] for part in self.manifest.parts]


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """A run, and between what its Sharpe ratio lies in samples of its returns."""

    manifest: ResultsManifest
    interval: SharpeInterval

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found, drawn = self.interval, self.interval.resampling
        return {
            "run": self.manifest.specification.run,
            "resultDigest": self.manifest.result_digest,
            "sharpe": self.manifest.summary.sharpe,
            "low": found.low,
            "median": found.median,
            "high": found.high,
            "percent": found.percent,
            "samples": drawn.samples,
            "defined": found.defined,
            "block": drawn.block,
            "seed": drawn.seed,
        }

    def as_rows(self) -> list[tuple[str, str]]:
        """Names and values for people."""
        found, drawn = self.interval, self.interval.resampling
        return [
            ("Run", self.manifest.specification.run),
            ("Sharpe", number(self.manifest.summary.sharpe)),
            (
                f"{found.percent} % of samples",
                f"{number(found.low)} to {number(found.high)}, median {number(found.median)}",
            ),
            ("Samples", f"{drawn.samples:,}, of blocks of {drawn.block:,} returns on average, seed {drawn.seed}"),
        ]


def list_runs(url: str) -> Listing:
    """Return the finished runs of the store at ``url``, by name; one that is damaged does not hide the others."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.errors import DataRefused
    from tradeplane_workloads.results import list_results, read_results_manifest

    store = open_store(url)
    names = list_results(store)
    manifests, faults = [], []
    with bar("Reading manifests", len(names)) as advance:
        for name in names:
            try:
                manifests.append(read_results_manifest(store, name))
            except DataRefused as error:
                faults.append(str(error))
            advance()
    return Listing(tuple(manifests), store.url, tuple(faults))


def show_run(run: str, url: str) -> Shown:
    """One run, read whole and verified against its digests."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.results import open_results

    with stage(f"Verifying {run}"):
        return Shown(open_results(open_store(url), run).manifest)


def bootstrap_run(run: str, url: str, *, samples: int, percent: int, block: int | None, seed: int) -> Bootstrapped:
    """Draw the returns of a run anew, its parts verified. Raises DataRefused where it has no Sharpe ratio."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.analytics.bootstrap import sharpe_interval
    from tradeplane_workloads.results import open_results

    with stage(f"Drawing {samples:,} samples"):
        results = open_results(open_store(url), run)
        return Bootstrapped(results.manifest, sharpe_interval(results, samples, percent, seed, block))


def _row(manifest: ResultsManifest) -> list[str]:
    summary = manifest.summary
    return [
        manifest.specification.run,
        manifest.specification.simulation.algorithm.name,
        f"{day(summary.start)} to {day(summary.end)}",
        percent(summary.total_return),
        number(summary.sharpe),
        percent(summary.max_drawdown),
        f"{summary.trades:,}",
        manifest.result_digest.removeprefix("sha256:")[:12],
    ]
