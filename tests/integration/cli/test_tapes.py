"""Strategies on tapes by the command: the examples, their results and report, and what ends a run that does not end."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import yaml
from pydantic import BaseModel
from tradeplane_workloads.strategies import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import Desk, MarketTrade

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs/examples"
GOLDEN: dict[str, str] = json.loads((ROOT / "tests/e2e/strategies/golden/tapes.json").read_text(encoding="utf-8"))
FLOWS = {"synthetic-book": "order-book", "synthetic-pair": "pair"}


def snapshot_of(name: str) -> str:
    """Name the snapshot an example runs on."""
    documents = list(yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))
    found: str = documents[-1]["spec"]["snapshotRef"]["name"]
    return found


def files_of(name: str) -> list[str]:
    """List the files to run an example: itself, and its Snapshot's where it has none of its own."""
    path = EXAMPLES / f"{name}.yaml"
    own = "kind: Snapshot" in path.read_text(encoding="utf-8")
    return [str(path)] if own else [str(EXAMPLES / f"snapshot-{snapshot_of(name)}.yaml"), str(path)]


def imported(tradeplane: Command, snapshot: str) -> None:
    """Make the flow of a snapshot of the examples."""
    ended = tradeplane("snapshot", "import", "--format", "synthetic", FLOWS[snapshot])
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_an_example_gives_the_recorded_result(tradeplane: Command, name: str) -> None:
    imported(tradeplane, snapshot_of(name))
    ran = json.loads(tradeplane("run", *files_of(name), "--run", "r1", "-o", "json").out)
    assert ran["resultDigest"] == GOLDEN[name]
    shown = json.loads(tradeplane("results", "show", "r1", "-o", "json").out)
    assert {part["name"]: part["rows"] > 10 for part in shown["parts"]} == dict.fromkeys(
        ("equity", "trades", "positions", "events"), True
    )


def test_the_report_of_a_run_on_a_tape_draws_prices_and_fills(tradeplane: Command, tmp_path: Path) -> None:
    imported(tradeplane, "synthetic-book")
    tradeplane("run", *files_of("macd-on-trades"), "--run", "r1")
    ended = tradeplane("results", "report", "r1", "--to", "page.html")
    assert ended.code == 0, ended.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Prices are not drawn" not in page
    assert "Slippage" not in page
    assert "<td>Taker</td>" in page


class _Strategy:
    """Does at each trade what a test says."""

    name: ClassVar[str] = "told"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        pass

    def __init__(self, on_trade: Callable[[], None]) -> None:
        self._on_trade = on_trade

    def trader(self, *_: Any) -> object:
        return self

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        self._on_trade()


def _hang() -> None:
    limit = time.monotonic() + 300
    while time.monotonic() < limit:
        with suppress(Exception):  # a strategy that does not want to be ended
            time.sleep(0.01)


def _run(tradeplane: Command, **spec: Any) -> Ended:
    asked = {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "told"},
        "spec": {
            "algorithm": {"name": "told"},
            "snapshotRef": {"name": "synthetic-book"},
            "capital": "1000",
            **spec,
        },
    }
    Path("told.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    return tradeplane("run", "told.yaml", str(EXAMPLES / "snapshot-synthetic-book.yaml"))


def test_a_strategy_that_hangs_is_ended_at_its_deadline(tradeplane: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(tradeplane, "synthetic-book")
    monkeypatch.setitem(registry.BUILT_IN, "told", _Strategy(_hang))
    begun = time.monotonic()
    ended = _run(tradeplane, activeDeadlineSeconds=1)
    assert time.monotonic() - begun < 120
    assert ended.code == 2
    assert "spec.activeDeadlineSeconds: the run took longer than 1 s, and was ended; raise it" in ended.err
    assert "no finished runs" in tradeplane("results", "list").out.lower()


def _take() -> None:
    with suppress(Exception):
        taken = [b"\1" * 2**24 for _ in range(64)]  # a GiB in all
        assert len(taken) == 64
    raise RuntimeError("no limit held")


def test_a_strategy_that_takes_too_much_memory_is_ended_at_its_limit(
    tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(tradeplane, "synthetic-book")
    monkeypatch.setitem(registry.BUILT_IN, "told", _Strategy(_take))
    before = signal.getsignal(signal.SIGPROF)
    ended = _run(tradeplane, resources={"requests": {"memory": "96Mi"}, "limits": {"memory": "96Mi"}})
    assert ended.code == 2
    assert "spec.resources.limits.memory: the run took more than 96Mi, and was ended; raise it" in ended.err
    assert "no finished runs" in tradeplane("results", "list").out.lower()
    assert (signal.getsignal(signal.SIGPROF), signal.getitimer(signal.ITIMER_PROF)) == (before, (0.0, 0.0))


def test_a_strategy_within_its_limit_of_memory_is_not_ended(
    tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bytes] = []

    def takes() -> None:
        if not taken:
            taken.append(b"\1" * 2**24)

    imported(tradeplane, "synthetic-book")
    monkeypatch.setitem(registry.BUILT_IN, "told", _Strategy(takes))
    ended = _run(tradeplane, resources={"requests": {"memory": "128Mi"}, "limits": {"memory": "128Mi"}})
    assert ended.code == 0, ended.err
    assert len(taken) == 1


def test_a_strategy_that_raises_is_shown_where_it_is_named(
    tradeplane: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises() -> None:
        raise KeyError("spread")

    imported(tradeplane, "synthetic-book")
    monkeypatch.setitem(registry.BUILT_IN, "told", _Strategy(raises))
    ended = _run(tradeplane)
    assert ended.code == 2
    assert "told.yaml" in ended.err
    assert "spec.algorithm.name: strategy 'told' failed at local time" in ended.err
    assert "with KeyError: 'spread'; mend the strategy" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--format", "synthetic", "stocks"), "there is no synthetic flow 'stocks'; give one of order-book, pair"),
        (("--format", "synthetic", "pair", "--tick", "0.1"), "--tick has no effect on a synthetic flow"),
        (("--format", "synthetic", "pair", "--refuse", "gap"), "--refuse has no effect on a synthetic flow"),
        (("--format", "synthetic", "pair", "--price-exponent", "-2"), "--price-exponent is for bars"),
    ],
)
def test_what_has_no_meaning_for_a_flow_is_refused(tradeplane: Command, arguments: tuple[str, ...], words: str) -> None:
    ended = tradeplane("snapshot", "import", *arguments)
    assert ended.code == 2
    assert words in ended.err
