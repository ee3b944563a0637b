"""Choosing what builds images: a client is not an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.images.builders import Buildx, Containers, choose
from tradeplane_stacks.images.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ENGINE = {"docker version --format {{.Server.Version}}": "27.0.1"}
_BUILDX = {"docker buildx version": "github.com/docker/buildx v0.16.0 abc"}
_PODMAN = {"podman --version": "podman version 4.9.3"}
_BUILDAH = {"buildah --version": "buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)"}


def machine(*programs: dict[str, str]) -> Callable[[list[str]], str | None]:
    answers = {command: answer for program in programs for command, answer in program.items()}
    return lambda command: answers.get(" ".join(command))


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        ((_ENGINE, _BUILDX, _PODMAN, _BUILDAH), "docker buildx v0.16.0"),
        ((_BUILDX, _PODMAN, _BUILDAH), "podman 4.9.3"),  # a client whose engine does not answer
        ((_ENGINE, _BUILDAH), "buildah 1.28.2"),  # an engine without the plugin
        ((_BUILDAH,), "buildah 1.28.2"),
    ],
)
def test_the_first_that_works_is_chosen(tmp_path: Path, programs: tuple[dict[str, str], ...], chosen: str) -> None:
    assert choose("auto", tmp_path, machine(*programs)).identity == chosen


def test_the_one_asked_for_is_chosen(tmp_path: Path) -> None:
    assert isinstance(choose("buildah", tmp_path, machine(_ENGINE, _BUILDX, _BUILDAH)), Containers)
    assert isinstance(choose("docker", tmp_path, machine(_ENGINE, _BUILDX, _BUILDAH)), Buildx)


def test_none_that_works_is_an_error_that_says_what_each_lacks(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"docker: .*no engine answers; podman: not installed; buildah: not installed"):
        choose("auto", tmp_path, machine(_BUILDX))


def test_one_asked_for_that_does_not_work_is_not_replaced_by_another(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="has no buildx plugin"):
        choose("docker", tmp_path, machine(_ENGINE, _BUILDAH))
