"""Where the engine looks for its plugins: published ones before those that were built here."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.automation import pulumi_program
from tradeplane_stacks.automation.pulumi_program import (
    home_of,
    kubernetes_plugin_present,
    offer_kubernetes_plugin,
    search_path,
)
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


def offered(tmp_path: Path) -> list[Path]:
    """Return what the engine finds in Pulumi's home of the plugin, once what was built is offered."""
    offer_kubernetes_plugin(tmp_path / "home")
    return sorted((tmp_path / "home" / "plugins").glob("resource-kubernetes-v*/*"))


def test_plugins_are_looked_for_on_path_and_beside_the_engine(tmp_path: Path, cache: Binaries) -> None:
    del cache
    assert folders(tmp_path) == [str(tmp_path / "path"), str(tmp_path / "engine")]
    assert not kubernetes_plugin_present()
    assert offered(tmp_path) == []
    assert not (tmp_path / "home").exists()


def test_the_plugin_that_was_built_is_found_as_the_version_that_is_asked_for(tmp_path: Path, cache: Binaries) -> None:
    built = program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))
    assert kubernetes_plugin_present()
    for _ in range(2):
        (link,) = offered(tmp_path)
        assert link.parent.name == f"resource-kubernetes-v{version('pulumi-kubernetes')}"
        assert link.name == PULUMI_KUBERNETES.name
        assert link.resolve() == built.resolve()
        assert kubernetes_plugin_present()
    assert str(built.parent) not in folders(tmp_path)  # the engine would warn of it


def test_one_that_was_built_anew_is_offered_in_its_place(tmp_path: Path, cache: Binaries) -> None:
    built = program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))
    (link,) = offered(tmp_path)
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    assert offered(tmp_path) == [link]
    assert link.resolve() == built.resolve()
    built.unlink()
    assert offered(tmp_path) == []
    assert not link.parent.exists()


@pytest.mark.parametrize("place", ["path", "home/plugins/resource-kubernetes-v4.34.2"])
def test_a_published_plugin_is_taken_before_the_one_that_was_built(tmp_path: Path, cache: Binaries, place: str) -> None:
    program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))
    published = program(tmp_path / place / PULUMI_KUBERNETES.name)
    assert folders(tmp_path) == [str(tmp_path / "path"), str(tmp_path / "engine")]
    assert kubernetes_plugin_present()
    assert offered(tmp_path) == ([] if place == "path" else [published])


def test_pulumis_home_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_of({}) == tmp_path / ".pulumi"
    assert home_of({"PULUMI_HOME": str(tmp_path / "other")}) == tmp_path / "other"


def test_without_go_nothing_was_built(cache: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
    program(cache.path(PULUMI_KUBERNETES, "go1.26.8"))

    def no_go() -> str:
        raise MissingProgramsError("there is no Go")

    monkeypatch.setattr("tradeplane_stacks.local.binaries.installed_go", no_go)
    assert not kubernetes_plugin_present()
    with pytest.raises(MissingProgramsError, match="there is no Go"):
        pulumi_program.build_kubernetes_plugin(lambda _: None)
