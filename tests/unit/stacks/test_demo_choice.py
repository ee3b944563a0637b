"""Which cluster the demo takes, and that it never takes one it was not given."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.demo.choice import ClusterKind, Machine, choose
from tradeplane_stacks.demo.clusters import Current
from tradeplane_stacks.demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable
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


OWN = {"config": {"tradeplane-local:platform": {"store": {"kind": "s3", "url": "s3://bucket/prefix/"}}}}
VOLUME = {"config": {"tradeplane-local:platform": {"store": {"kind": "volume"}}}}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Current]:
    """Give what reads a cluster of one's own, with settings of a stack in a file, and kubectl there."""
    (tmp_path / "kubectl").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    def read(settings: Any = OWN, **given_by_user: str) -> Current:
        file = tmp_path / "Pulumi.mine.yaml"
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return Current.from_environment({"REGISTRY": "registry.example", "STACK": str(file), **given_by_user})

    return read


def test_a_cluster_of_ones_own_names_all_that_is_missing() -> None:
    with pytest.raises(DemoError) as refused:
        Current.from_environment({})
    assert refused.value.cause == "CLUSTER=current needs REGISTRY, STACK."
    assert "docs/stacks/platform.md" in refused.value.remedy


def test_a_cluster_of_ones_own_keeps_each_namespace_in_a_folder_of_the_store(own: Callable[..., Current]) -> None:
    cluster = own()
    assert cluster.store_url("research") == "s3://bucket/prefix/research"
    assert cluster.configuration == OWN
    assert cluster.plain_http is False


def test_a_store_that_this_machine_reaches_otherwise_is_named(own: Callable[..., Current]) -> None:
    assert own(STORE="s3://mirror/").store_url("research") == "s3://mirror/research"
    assert own(VOLUME, STORE="file:///srv/store").store_url("research") == "file:///srv/store/research"


def test_a_store_on_a_volume_has_no_url_that_could_be_guessed(own: Callable[..., Current]) -> None:
    with pytest.raises(DemoError, match="needs STORE where the store is a volume"):
        own(VOLUME)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "tradeplane-local:platform: there is no such object"),
        ({"config": {"tradeplane-platform:signing_key": {}}}, "tradeplane-local:platform: there is no such object"),
        ({"config": {"tradeplane-local:platform": "volume"}}, "tradeplane-local:platform: there is no such object"),
        (["config"], "is no object of settings"),
    ],
)
def test_settings_that_are_no_platforms_are_refused_with_their_file(
    own: Callable[..., Current], settings: Any, fault: str
) -> None:
    with pytest.raises(DemoError) as refused:
        own(settings)
    assert "Pulumi.mine.yaml" in refused.value.cause
    assert fault in refused.value.cause


def test_settings_that_are_not_there_are_refused(own: Callable[..., Current], tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"STACK: there is no .*none\.yaml"):
        own(STACK=str(tmp_path / "none.yaml"))


def test_an_overlay_of_before_is_refused_with_what_takes_its_place(own: Callable[..., Current]) -> None:
    with pytest.raises(DemoError) as refused:
        own(OVERLAY="deploy/mine")
    assert refused.value.cause.startswith("OVERLAY is not taken any more")
    assert "STACK" in refused.value.remedy
    assert "kubectl apply" in refused.value.remedy


@pytest.mark.parametrize(("word", "plain"), [("1", True), ("0", False), ("", False)])
def test_a_registry_without_tls_is_asked_for_by_a_one(word: str, plain: bool, own: Callable[..., Current]) -> None:
    assert own(PLAIN_HTTP=word).plain_http is plain


def test_another_word_for_a_registry_without_tls_is_refused(own: Callable[..., Current]) -> None:
    with pytest.raises(DemoError) as refused:
        own(PLAIN_HTTP="yes")
    assert refused.value.cause == "PLAIN_HTTP is 'yes'."
