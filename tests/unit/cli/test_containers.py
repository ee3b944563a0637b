"""The command of a replay on another processor, and what is said where there can be none. Nothing is started here."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.parity import ReplaySpecification
from tradeplane_api.run import ExitCode
from tradeplane_api.strategy import MACHINES
from tradeplane_cli.containers import (
    ENGINES,
    Errand,
    Reader,
    command_of,
    default_image,
    errand_of,
    find_engine,
    own_architecture,
    reader_of,
)
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

IMAGE = "registry.example/tradeplane/workloads@sha256:" + "a" * 64
PUSHED = "registry.example/pushed/workloads@sha256:" + "b" * 64
ERRAND = Errand("arm64", IMAGE, Path("/home/me/store"))


def option(command: list[str], name: str) -> list[str]:
    """Return every value of an option."""
    return [value for place, value in enumerate(command) if command[place - 1] == name]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_container_reads_the_store_and_nothing_else(engine: str) -> None:
    command = command_of(f"/usr/bin/{engine}", ERRAND, Reader(1000, 1001))
    assert command[:3] == [f"/usr/bin/{engine}", "run", "--rm"]
    assert option(command, "--platform") == ["linux/arm64"]
    assert option(command, "--network") == ["none"]
    assert option(command, "--mount") == ["type=bind,source=/home/me/store,target=/store,readonly"]
    assert option(command, "--cap-drop") == ["ALL"]
    assert option(command, "--user") == ["1000:1001"]
    assert "--read-only" in command
    assert "--privileged" not in command
    image = command.index(IMAGE)
    assert command[image + 1 :] == ["-m", "tradeplane_workloads.replay.printed"]
    assert option(command, "--entrypoint") == ["/usr/bin/python3"]


def test_what_is_asked_is_named_and_not_spelled() -> None:
    command = command_of("docker", ERRAND, Reader(0, 0, by_root=True))
    assert option(command, "--env") == ["TRADEPLANE_REPLAY", "TRADEPLANE_STORE_URL"]


@pytest.mark.parametrize(
    ("engine", "by_root", "kept"), [("podman", False, True), ("podman", True, False), ("docker", False, False)]
)
def test_a_rootless_podman_keeps_the_user_and_their_groups(engine: str, by_root: bool, kept: bool) -> None:
    command = command_of(f"/usr/bin/{engine}", ERRAND, Reader(7, 7, 3, by_root=by_root))
    assert option(command, "--userns") == ["keep-id"] * kept
    assert option(command, "--group-add") == ["keep-groups" if kept else "3"]
    assert option(command_of(engine, ERRAND, Reader(7, 7, by_root=by_root)), "--group-add") == []


@pytest.mark.parametrize(
    ("owner", "own", "groups", "reader"),
    [
        ((1000, 1000), (1000, 1000), {1000, 27}, Reader(1000, 1000)),
        ((65532, 65532), (1000, 1000), {1000, 65532}, Reader(1000, 1000, 65532)),
        ((65532, 65532), (1000, 1000), {1000}, Reader(1000, 1000)),
        ((65532, 65532), (0, 0), {0}, Reader(65532, 65532, by_root=True)),
        ((0, 65532), (0, 0), {0}, Reader(0, 65532, by_root=True)),
    ],
    ids=["theirs", "their group's", "others'", "others', by root", "root's, for a group"],
)
def test_a_container_has_the_rights_of_who_may_read_the_store(
    owner: tuple[int, int], own: tuple[int, int], groups: set[int], reader: Reader
) -> None:
    assert reader_of(owner, own, groups) == reader


def test_the_first_engine_there_is_runs_it() -> None:
    assert find_engine("arm64", {"podman": "/bin/podman", "nerdctl": "/bin/nerdctl"}.get) == "/bin/podman"


def test_without_an_engine_it_is_said_what_to_install() -> None:
    with pytest.raises(CommandFailure, match="no container engine is here") as refused:
        find_engine("arm64", lambda _: None)
    for words in (*ENGINES, "qemu-user-static", "architectures: [arm64]"):
        assert words in (refused.value.remedy or "")
    assert refused.value.code is ExitCode.INVALID


@pytest.mark.parametrize(
    ("image", "url", "words"),
    [
        (None, "file:///store", "no image is named"),
        ("--privileged", "file:///store", "is no image"),
        (IMAGE, "s3://bucket/prefix", "cannot read the store s3://bucket/prefix"),
        (IMAGE, "file://elsewhere/store", "cannot read the store"),
        (IMAGE, "file:///a,b", "has a comma"),
    ],
)
def test_what_no_container_can_do_is_refused(image: str | None, url: str, words: str) -> None:
    with pytest.raises(CommandFailure, match=words) as refused:
        errand_of("arm64", image, url)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("environment", "pushed", "found"),
    [
        ({}, None, None),
        ({"TRADEPLANE_IMAGE": ""}, None, None),
        ({"TRADEPLANE_IMAGE": IMAGE}, None, IMAGE),
        ({}, {"workloads": PUSHED, "operator": PUSHED}, PUSHED),
        ({"TRADEPLANE_IMAGE": IMAGE}, {"workloads": PUSHED}, IMAGE),
        ({}, {"operator": PUSHED}, None),
    ],
)
def test_an_image_that_is_not_given_is_that_of_the_environment_or_the_one_that_was_pushed(
    tmp_path: Path, environment: dict[str, str], pushed: dict[str, str] | None, found: str | None
) -> None:
    if pushed is not None:
        (tmp_path / "images.json").write_text(json.dumps(pushed))
    assert default_image(environment, tmp_path) == found


@pytest.mark.parametrize("written", ["{", "[]", '{"workloads": "registry.example/workloads:latest"}'])
def test_a_file_that_names_no_image_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "images.json").write_text(written)
    with pytest.raises(CommandFailure, match=r"images\.json") as refused:
        default_image({}, tmp_path)
    assert "--image" in (refused.value.remedy or "")


def test_a_folder_is_mounted_by_its_name() -> None:
    assert errand_of("arm64", IMAGE, "file:///my%20store").store == Path("/my store")


def test_this_processor_is_known_by_the_name_of_images() -> None:
    assert MACHINES.get(own_architecture(), own_architecture()) == platform.machine()


def test_an_answer_is_about_what_was_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tradeplane_cli import containers

    asked = ReplaySpecification(format_version=2, replay="local", session="sha256:" + "1" * 64)
    for printed, words in ((b"", "printed no record"), (b"x" * (1 << 21), "bytes, which is no record")):
        done: Any = type("Done", (), {"returncode": 0, "stdout": printed, "stderr": b""})
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)  # noqa: B023
        with pytest.raises(CommandFailure, match=words):
            containers.replay_in_container("docker", replace(ERRAND, store=tmp_path), asked)


def test_a_store_that_is_gone_is_told() -> None:
    from tradeplane_cli import containers

    asked = ReplaySpecification(format_version=2, replay="local", session="sha256:" + "1" * 64)
    with pytest.raises(CommandFailure, match="--store: /home/me/store: No such file or directory") as refused:
        containers.replay_in_container("docker", ERRAND, asked)
    assert refused.value.code is ExitCode.STORE


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (3, ExitCode.REFUSED),
        (2, ExitCode.INVALID),
        (4, ExitCode.STORE),
        (1, ExitCode.INTERNAL),
        (125, ExitCode.INTERNAL),
        (255, ExitCode.INTERNAL),
    ],
)
def test_how_a_container_ended_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, told: ExitCode
) -> None:
    from tradeplane_cli import containers

    asked = ReplaySpecification(format_version=2, replay="local", session="sha256:" + "1" * 64)
    done: Any = type("Done", (), {"returncode": code, "stdout": b"", "stderr": b"the words\n"})
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(CommandFailure, match="the words") as refused:
        containers.replay_in_container("docker", replace(ERRAND, store=tmp_path), asked)
    assert refused.value.code is told


def test_another_processor_needs_an_image(tradeplane: Command) -> None:
    other = next(name for name in MACHINES if name != own_architecture())
    ended = tradeplane("replay", "r1", "--arch", other)
    assert (ended.code, "no image is named" in ended.err) == (2, True)
