"""The examples: what the models, the algorithms and the operator take, on data that are what their digests say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.broker_connection import BrokerConnection
from tradeplane_api.kinds import KINDS
from tradeplane_api.replay import Replay
from tradeplane_api.snapshot import Snapshot
from tradeplane_api.strategy import Architecture, Strategy
from tradeplane_operator.settings import read_settings
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.importing import import_arch
from tradeplane_workloads.market.snapshots import write_snapshot, write_tapes
from tradeplane_workloads.market.synthetic import synthetic_tapes
from tradeplane_workloads.strategies.registry import find_strategy, parse_parameters

if TYPE_CHECKING:
    from tradeplane_api.base import Document

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
FILES = sorted(path for path in EXAMPLES.glob("*.yaml") if path.name != "settings.yaml")
MODELS: dict[str, type[Document]] = {kind.name: kind.model for kind in KINDS}


def _documents(path: Path) -> list[Any]:
    found = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    ours = [document for document in found if document["apiVersion"].startswith("tradeplane.dev/")]
    assert {document["kind"] for document in found} - {document["kind"] for document in ours} <= {"Secret"}
    return [MODELS[document["kind"]].model_validate(document) for document in ours]


def _all(model: type[Document]) -> dict[str, Any]:
    found = [document for path in FILES for document in _documents(path) if isinstance(document, model)]
    return {str(document.metadata["name"]): document for document in found}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_example_is_valid_and_says_what_it_is(path: Path) -> None:
    assert _documents(path)
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_every_example_is_listed() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if f"({path.name})" not in readme] == ["README.md"]


def test_every_strategy_reads_a_snapshot_or_trades_a_connection_of_the_examples() -> None:
    snapshots, connections = _all(Snapshot), _all(BrokerConnection)
    strategies = _all(Strategy)
    assert len(strategies) >= 8
    for strategy in strategies.values():
        if strategy.spec.snapshot_ref is None:
            assert strategy.spec.connection_ref is not None
            assert strategy.spec.connection_ref.name in connections
            continue
        assert strategy.spec.snapshot_ref.name in snapshots
        assert strategy.spec.store == snapshots[strategy.spec.snapshot_ref.name].spec.store


def test_parameters_are_those_of_the_algorithms() -> None:
    for strategy in _all(Strategy).values():
        algorithm = strategy.spec.algorithm
        parse_parameters(find_strategy(algorithm.name), algorithm.parameters)


def test_the_snapshot_is_what_importing_its_source_gives(tmp_path: Path) -> None:
    imported = import_arch("sp500")
    written = write_snapshot(open_store(tmp_path.as_uri()), imported.series, [imported.source])
    assert _all(Snapshot)["sp500"].spec.digest == written.id


def test_the_market_maker_s_snapshot_is_the_one_that_stands_alone() -> None:
    (own, _), (alone,) = (
        _documents(EXAMPLES / "market-maker.yaml"),
        _documents(EXAMPLES / "snapshot-synthetic-book.yaml"),
    )
    assert own == alone


def test_the_pair_is_what_its_script_writes(tmp_path: Path) -> None:
    import_pair = runpy.run_path(str(EXAMPLES / "import_pair.py"))["import_pair"]
    assert _all(Snapshot)["sp500-nasdaq"].spec.digest == import_pair(tmp_path.as_uri())


@pytest.mark.parametrize(("flow", "name"), [("order-book", "synthetic-book"), ("pair", "synthetic-pair")])
def test_the_synthetic_tapes_are_what_their_flow_gives(tmp_path: Path, flow: str, name: str) -> None:
    made = synthetic_tapes(flow)
    written = write_tapes(open_store(tmp_path.as_uri()), made.tapes, [made.source])
    assert _all(Snapshot)[name].spec.digest == written.id


def test_arm64_differs_in_the_processor_alone() -> None:
    strategies = _all(Strategy)
    there, here = strategies["macd-momentum-arm64"].spec, strategies["macd-momentum"].spec
    assert there.architecture is Architecture.ARM64
    assert there.model_copy(update={"architecture": Architecture.ANY}) == here


def test_the_replay_of_a_session_is_of_what_live_session_leaves_and_names_no_more_than_its_strategy() -> None:
    (replay,) = _documents(EXAMPLES / "replay-session.yaml")
    (strategy,) = [one for one in _documents(EXAMPLES / "live-session.yaml") if isinstance(one, Strategy)]
    assert isinstance(replay, Replay)
    assert replay.spec.strategy_ref is not None
    assert replay.spec.strategy_ref.name == strategy.metadata["name"]
    assert (replay.spec.snapshot_ref, replay.spec.run, replay.spec.baseline) == (None, None, None)
    assert "sed" not in (EXAMPLES / "replay-session.yaml").read_text(encoding="utf-8").split()


def test_settings_are_what_the_operator_reads() -> None:
    settings = read_settings(EXAMPLES / "settings.yaml")
    assert set(settings.stores) == {"default", "research"}
    assert all(settings.images.default.startswith(prefix) for prefix in settings.images.registries)
