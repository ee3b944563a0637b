"""Strategies and snapshots are found in files, and what is wrong is said with file, line, field and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_cli.documents.objects import choose_strategy, read_objects, snapshot_digest
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
STRATEGY = """\
apiVersion: tradeplane.dev/v1alpha1
kind: Strategy
metadata:
  name: macd
spec:
  algorithm:
    name: macd-momentum
    parameters:
      fast: 12
  snapshotRef:
    name: sp500
  capital: "100000"
"""
SNAPSHOT = f"""\
apiVersion: tradeplane.dev/v1alpha1
kind: Snapshot
metadata:
  name: sp500
spec:
  digest: {DIGEST}
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n"


def write(folder: Path, *documents: str) -> str:
    path = folder / "objects.yaml"
    path.write_text("---\n".join(documents), encoding="utf-8")
    return str(path)


def refused(path: str) -> CommandFailure:
    with pytest.raises(CommandFailure) as caught:
        choose_strategy(read_objects([path]), None)
    return caught.value


def test_a_strategy_and_its_snapshot_are_found_beside_other_objects(tmp_path: Path) -> None:
    objects = read_objects([write(tmp_path, CONFIG_MAP, STRATEGY, SNAPSHOT)])
    chosen = choose_strategy(objects, None)
    assert chosen.name == "macd"
    assert snapshot_digest(objects, chosen, None) == DIGEST
    assert [text.partition(": ")[2] for text in objects.ignored] == ["ConfigMap (v1)"]


def test_objects_of_a_list_are_found_at_their_lines(tmp_path: Path) -> None:
    items = "".join(f"- {text.rstrip()}\n".replace("\n", "\n  ").rstrip() + "\n" for text in (SNAPSHOT, STRATEGY))
    text = "apiVersion: v1\nkind: List\nitems:\n" + items
    objects = read_objects([write(tmp_path, text)])
    assert snapshot_digest(objects, choose_strategy(objects, None), None) == DIGEST
    failure = refused(write(tmp_path, text.replace("capital:", "capitall:")))
    assert text.splitlines()[(failure.problems[-1].line or 0) - 1].strip().startswith("capital:")


def test_what_a_cluster_says_of_an_object_is_left_aside(tmp_path: Path) -> None:
    """As `kubectl get -o yaml` prints it, from a cluster of a newer version, or while it is told something else."""
    said = "status:\n  newer: 1\n  latest: {}\n"
    objects = read_objects([write(tmp_path, STRATEGY + said, SNAPSHOT + "status: unreadable\n")])
    chosen = choose_strategy(objects, None)
    assert snapshot_digest(objects, chosen, None) == DIGEST
    failure = refused(write(tmp_path, STRATEGY + said + "newer: 1\n"))
    assert [problem.field for problem in failure.problems] == ["newer"]


def test_a_digest_given_goes_before_the_reference(tmp_path: Path) -> None:
    objects = read_objects([write(tmp_path, STRATEGY, SNAPSHOT)])
    other = "sha256:" + "cd" * 32
    assert snapshot_digest(objects, choose_strategy(objects, None), other) == other


def test_one_of_several_strategies_is_chosen_by_name(tmp_path: Path) -> None:
    objects = read_objects([write(tmp_path, STRATEGY, STRATEGY.replace("name: macd\n", "name: slow\n"))])
    assert choose_strategy(objects, "slow").name == "slow"
    for name in (None, "absent"):
        with pytest.raises(CommandFailure) as caught:
            choose_strategy(objects, name)
        assert "macd, slow" in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ('"100000"', "100000", 12, "spec.capital", 'put quotation marks around it, "100000"'),
        ('"100000"', '"a lot"', 12, "spec.capital", "decimal"),
        ('"100000"', '"-5"', 12, "spec.capital", "zero or more"),
        ("  capital:", "  capitall:", 12, "spec.capitall", "did you mean capital?"),
        ('  capital: "100000"\n', "", 5, "spec.capital", "required"),
        ("kind: Strategy\n", "", 1, "kind", "required"),
        ("metadata:\n  name: macd\n", "", 1, "metadata.name", "required"),
        ("v1alpha1", "v9", 1, "apiVersion", "tradeplane.dev/v1alpha1"),
        ("name: macd\n", "name: Mine & yours\n", 4, "metadata.name", "must be a name as Kubernetes has it"),
        ("name: macd\n", f"name: {'m' * 254}\n", 4, "metadata.name", "not be more than 253 characters"),
        ("name: macd\n", "name: 12\n", 4, "metadata.name", 'put quotation marks around it, "12"'),
        ("spec:\n", "spec:\n  mode: Live\n", 6, "spec.mode", "write Backtest"),
        ("spec:\n", "spec:\n  mode: Bactest\n", 6, "spec.mode", "'Backtest'"),
        ("spec:\n", "spec:\n  sizing: {method: Kelly, window: 1}\n", 6, "spec.sizing.window", "greater than or equal"),
        ("spec:\n", "spec:\n  sizing: {method: VolatilityTarget}\n", 6, "spec.sizing", "targetVolatility is required"),
        ("spec:\n", "spec:\n  seed: '1'\n", 6, "spec.seed", 'valid integer, not "1"'),
        ("spec:\n", "spec:\n  seed: -1\n", 6, "spec.seed", "greater than or equal to 0"),
        (
            "spec:\n",
            "spec:\n  costs: {commission: {tiers: [{fromNotional: x}]}}\n",
            6,
            "tiers[0].fromNotional",
            "decimal",
        ),
        ("spec:\n", "spec:\n  risk: {stopLos: '1'}\n", 6, "spec.risk.stopLos", "did you mean stopLoss?"),
    ],
)
def test_what_is_wrong_is_said_with_line_field_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, field: str, words: str
) -> None:
    assert old in STRATEGY
    path = write(tmp_path, STRATEGY.replace(old, new, 1))
    failure = refused(path)
    said = [str(problem) for problem in failure.problems if problem.line == line]
    assert any(f"{path}:{line}: " in text and field in text and words in text for text in said), failure.as_text()


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    broken = STRATEGY.replace("algorithm:", "algoritm:").replace('"100000"', "100000")
    lines = [problem.line or 0 for problem in refused(write(tmp_path, broken)).problems]
    assert lines == sorted(lines)
    assert len(lines) == 3  # the misspelt field, the one it leaves missing, and the number


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ((SNAPSHOT,), "no Strategy"),
        ((STRATEGY, STRATEGY), "twice"),
        (("- a\n- b\n",), "not a mapping"),
        ((STRATEGY, SNAPSHOT.replace(DIGEST, "sha256:short")), "64 hexadecimal digits"),
    ],
)
def test_files_that_ask_for_nothing_clear_are_refused(tmp_path: Path, documents: tuple[str, ...], words: str) -> None:
    assert words in refused(write(tmp_path, *documents)).as_text()


def test_a_reference_to_no_snapshot_names_the_field_and_both_remedies(tmp_path: Path) -> None:
    objects = read_objects([write(tmp_path, STRATEGY, SNAPSHOT.replace("name: sp500", "name: other"))])
    with pytest.raises(CommandFailure) as caught:
        snapshot_digest(objects, choose_strategy(objects, None), None)
    (problem,) = caught.value.problems
    assert (problem.line, problem.field) == (11, "spec.snapshotRef.name")
    assert "other" in problem.message
    assert "-f" in (problem.remedy or "")
    assert "--snapshot" in (problem.remedy or "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailure, match=r"absent\.yaml: No such file"):
        read_objects([str(tmp_path / "absent.yaml")])
