"""Where the engine looks for its plugins: published ones before those that were built here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.automation import pulumi_program
from tradeplane_stacks.automation.pulumi_program import kubernetes_plugin_present, search_path
from tradeplane_stacks.local.binaries import PULUMI_KUBERNETES, Binaries
from tradeplane_stacks.local.errors import MissingProgramsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Binaries:
    """Give a cache without a program, on a machine without a plugin."""
    monkeypatch.setenv("TRADEPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr("tradeplane_stacks.local.binaries.installed_go", lambda: "go1.26.8")
    return Binaries(tmp_path / "cache")


def folders(tmp_path: Path) -> list[str]:
    return search_path(tmp_path / "engine" / "pulumi").split(":")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.touch(0o755)
    return path


def test_plugins_are_looked_for_on_path_and_beside_the_engine(tmp_path: Path, cache: Binaries) -> None:
    del cache
    assert folders(tmp_path) == [str(tmp_path / "path"), str(tmp_path / "engine")]
    assert not kubernetes_plugin_present()


def test_the_plugin_that_was_built_is_found(tmp_path: Path, cache: Binaries) -> None:
    built = program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))
    assert folders(tmp_path)[-1] == str(built.parent)
    assert kubernetes_plugin_present()


@pytest.mark.parametrize("place", ["path", "home/plugins/resource-kubernetes-v4.34.2"])
def test_a_published_plugin_is_taken_before_the_one_that_was_built(tmp_path: Path, cache: Binaries, place: str) -> None:
    program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))
    program(tmp_path / place / PULUMI_KUBERNETES.name)
    assert folders(tmp_path) == [str(tmp_path / "path"), str(tmp_path / "engine")]
    assert kubernetes_plugin_present()


def test_without_go_nothing_was_built(cache: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
    program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))

    def no_go() -> str:
        raise MissingProgramsError("there is no Go")

    monkeypatch.setattr("tradeplane_stacks.local.binaries.installed_go", no_go)
    assert not kubernetes_plugin_present()
    with pytest.raises(MissingProgramsError, match="there is no Go"):
        pulumi_program.build_kubernetes_plugin(lambda _: None)
