"""Which cluster the demo takes, and that it never takes one it was not given."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.demo.choice import ClusterKind, Machine, choose
from tradeplane_stacks.demo.clusters import Current
from tradeplane_stacks.demo.errors import DemoError

if TYPE_CHECKING:
    from pathlib import Path

ROOT = Machine(linux=True, root=True, docker=False, kind=False)
DOCKER = Machine(linux=True, root=False, docker=True, kind=True)
BARE = Machine(linux=True, root=False, docker=False, kind=True)


@pytest.mark.parametrize(
    ("asked", "machine", "chosen"),
    [
        ("", ROOT, ClusterKind.EMBEDDED),
        ("", Machine(linux=True, root=True, docker=True, kind=True), ClusterKind.EMBEDDED),
        ("", DOCKER, ClusterKind.KIND),
        ("kind", DOCKER, ClusterKind.KIND),
        ("current", BARE, ClusterKind.CURRENT),
    ],
)
def test_a_cluster_is_chosen(asked: str, machine: Machine, chosen: ClusterKind) -> None:
    assert choose(asked, machine) is chosen


@pytest.mark.parametrize(
    ("asked", "machine", "named"),
    [
        ("", BARE, "needs Linux and root"),
        ("", Machine(linux=False, root=True, docker=True, kind=False), "needs Linux and root"),
        ("embedded", DOCKER, "needs Linux and root"),
        ("kind", ROOT, "no Docker engine answers"),
        ("kind", Machine(linux=True, root=True, docker=True, kind=False), "there is no program `kind`"),
        ("minikube", ROOT, "'minikube'"),
    ],
)
def test_what_cannot_be_had_is_refused_with_what_can(asked: str, machine: Machine, named: str) -> None:
    with pytest.raises(DemoError) as refused:
        choose(asked, machine)
    assert named in refused.value.cause
    assert "embedded" in refused.value.remedy or "CLUSTER=kind" in refused.value.remedy


@given(st.builds(Machine, **{field.name: st.booleans() for field in fields(Machine)}))
def test_the_cluster_of_kubeconfig_is_never_taken_unasked(machine: Machine) -> None:
    try:
        assert choose("", machine) is not ClusterKind.CURRENT
    except DemoError:
        assert not machine.root or not machine.linux


def test_a_cluster_of_ones_own_names_all_that_is_missing() -> None:
    with pytest.raises(DemoError) as refused:
        Current.from_environment({"REGISTRY": "registry.example"})
    assert refused.value.cause == "CLUSTER=current needs OVERLAY, STORE."


def test_a_cluster_of_ones_own_keeps_each_namespace_in_a_folder_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    given_by_user = {"REGISTRY": "registry.example", "OVERLAY": str(tmp_path), "STORE": "s3://bucket/prefix/"}
    cluster = Current.from_environment(given_by_user)
    assert cluster.store_url("research") == "s3://bucket/prefix/research"
    assert cluster.plain_http is False


@pytest.mark.parametrize(("word", "plain"), [("1", True), ("0", False), ("", False)])
def test_a_registry_without_tls_is_asked_for_by_a_one(
    word: str, plain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubectl").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    given_by_user = {"REGISTRY": "registry.example", "OVERLAY": str(tmp_path), "STORE": "s3://b", "PLAIN_HTTP": word}
    assert Current.from_environment(given_by_user).plain_http is plain


def test_another_word_for_a_registry_without_tls_is_refused() -> None:
    given_by_user = {"REGISTRY": "registry.example", "OVERLAY": "deploy", "STORE": "s3://b", "PLAIN_HTTP": "yes"}
    with pytest.raises(DemoError) as refused:
        Current.from_environment(given_by_user)
    assert refused.value.cause == "PLAIN_HTTP is 'yes'."
