"""A replay on another processor: in a container of the runner's image, which the engine and the kernel emulate.

The container reads one folder and nothing else: no network, no capability, no place to write but ``/tmp``. What is
asked travels in its environment, named and not spelled on the command line, and its answer comes back on its output.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from tradeplane_api.paper import IMAGE_VARIABLE
from tradeplane_api.parity import REPLAY_VARIABLE, ReplayRecord
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_api.strategy import MACHINES

from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from tradeplane_api.parity import ReplaySpecification

ENGINES = ("docker", "podman", "nerdctl")
"""Programs that run containers, in the order they are looked for."""
LIMIT_S = 3_600
MAX_RECORD_BYTES = 1 << 20
MODULE = "tradeplane_workloads.replay.printed"
MOUNTED = "/store"
_TOLD_BYTES = 2_000
_CLUSTER = "apply a Replay with architectures: [{}], which a node of a cluster runs"


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be run: on which processor, of which image, and the folder it reads."""

    architecture: str
    image: str
    store: Path


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose rights a container has: without capabilities it reads what these may read, whoever calls it."""

    user: int
    group: int
    store_group: int | None = None
    """Another group of theirs, which the store belongs to."""
    by_root: bool = False
    """Whether root starts the container, and not they themselves."""


def reader_of(owner: tuple[int, int], own: tuple[int, int], groups: Collection[int]) -> Reader:
    """Return who is to read a folder, by its owner and group and the caller's user, group and other groups. Pure.

    Root reads as the folder's owner: what root may read as root is by a capability, and the container has none.
    """
    if own[0] == 0:
        return Reader(*owner, by_root=True)
    return Reader(*own, owner[1] if owner[1] != own[1] and owner[1] in groups else None)


def own_architecture() -> str:
    """Return this processor as images name it."""
    machine = platform.machine()
    return next((name for name, kernel in MACHINES.items() if kernel == machine), machine)


def default_image(environment: Mapping[str, str], build: Path) -> str | None:
    """Return the runner's image where none is given: ``TRADEPLANE_IMAGE``, or what was pushed last from this checkout.

    ``build``: the folder in which a push leaves ``images.json``. None where neither is there. Raises CommandFailure for
    such a file that does not name images. What a store says of an image is not believed: it would be run.
    """
    named = environment.get(IMAGE_VARIABLE)
    if named or not (build / "images.json").exists():
        return named or None

    from tradeplane_stacks.images.errors import ImageError
    from tradeplane_stacks.images.record import read_references

    try:
        return read_references(build).get("workloads")
    except ImageError as error:
        raise CommandFailure(str(error), remedy="or give the runner's image by --image") from error


def errand_of(architecture: str, image: str | None, store_url: str) -> Errand:
    """Check what is asked. Raises CommandFailure where there is no image, or the store is no folder."""
    if image is None:
        raise CommandFailure(
            f"this processor is {own_architecture()}, and no image is named to replay on {architecture}",
            remedy=f"give the runner's image by --image or {IMAGE_VARIABLE}, or push it (build/images.json names it "
            "then), or " + _CLUSTER.format(architecture),
        )
    if image.startswith("-"):
        raise CommandFailure(f"--image: {image!r} is no image", remedy="give registry/name@sha256:...")
    parts = urlsplit(store_url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise CommandFailure(
            f"a container without a network cannot read the store {store_url}",
            remedy="copy what is replayed into a folder and give that by --store, or " + _CLUSTER.format(architecture),
        )
    store = Path(unquote(parts.path))
    if "," in str(store):
        raise CommandFailure(f"--store: {store} has a comma, which no engine takes in a mount", remedy="rename it")
    return Errand(architecture, image, store)


def command_of(engine: str, errand: Errand, reader: Reader) -> list[str]:
    """Return the command that runs an errand as who may read the folder. Pure."""
    rootless = Path(engine).name == "podman" and not reader.by_root
    # A rootless podman has numbers of its own for users and groups: who calls it stays who they are, with their groups.
    same_user = ["--userns", "keep-id"] if rootless else []
    store_group = "keep-groups" if rootless else str(reader.store_group)
    groups = [] if reader.store_group is None else ["--group-add", store_group]
    return [
        engine,
        "run",
        "--rm",
        *("--platform", f"linux/{errand.architecture}"),
        *("--network", "none"),
        "--read-only",
        *("--tmpfs", "/tmp"),  # noqa: S108 - in the container
        *("--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges"),
        *same_user,
        *("--user", f"{reader.user}:{reader.group}"),
        *groups,
        *("--mount", f"type=bind,source={errand.store},target={MOUNTED},readonly"),
        *("--env", REPLAY_VARIABLE),
        *("--env", STORE_VARIABLE),
        *("--entrypoint", "/usr/bin/python3"),
        errand.image,
        *("-m", MODULE),
    ]


def find_engine(architecture: str, which: Callable[[str], str | None] = shutil.which) -> str:
    """Return the path of a container engine. Raises CommandFailure that says what to install where there is none."""
    found = next((path for path in map(which, ENGINES) if path is not None), None)
    if found is None:
        raise CommandFailure(
            f"this processor is {own_architecture()}, and no container engine is here to replay on {architecture} with",
            code=ExitCode.INVALID,
            remedy=f"install one of {', '.join(ENGINES)} and, for what it emulates, qemu-user-static; or "
            + _CLUSTER.format(architecture),
        )
    return found


def replay_in_container(engine: str, errand: Errand, asked: ReplaySpecification) -> ReplayRecord:
    """Run an errand and return the record that it printed.

    Raises CommandFailure with the container's own words and exit code, and for an answer to something else.
    """
    values = {REPLAY_VARIABLE: asked.model_dump_json(by_alias=True), STORE_VARIABLE: f"file://{MOUNTED}"}
    try:
        folder = errand.store.stat()
    except OSError as error:
        raise CommandFailure(f"--store: {errand.store}: {error.strerror}", code=ExitCode.STORE) from error
    reader = reader_of((folder.st_uid, folder.st_gid), (os.getuid(), os.getgid()), os.getgroups())
    command = command_of(engine, errand, reader)
    try:
        done = subprocess.run(  # noqa: S603 -- the command made above, of an image that the user names
            command, env=os.environ | values, capture_output=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailure(
            f"{engine} did not end within {LIMIT_S} s; see what holds it", code=ExitCode.INTERNAL
        ) from error
    except OSError as error:
        raise CommandFailure(f"{engine} cannot be started: {error.strerror}", code=ExitCode.INTERNAL) from error
    if done.returncode != 0:
        raise _failed(engine, errand, done.returncode, done.stderr[-_TOLD_BYTES:].decode("utf-8", "replace").strip())
    return _answer(done.stdout, errand, asked)


def _failed(engine: str, errand: Errand, code: int, words: str) -> CommandFailure:
    if code in (ExitCode.INVALID, ExitCode.REFUSED, ExitCode.STORE):
        return CommandFailure(f"on {errand.architecture}: {words}", code=ExitCode(code))
    return CommandFailure(
        f"{engine} could not replay on {errand.architecture} (it ended with {code}): {words}",
        code=ExitCode.INTERNAL,
        remedy=f"see that {errand.image} is an image of this release for linux/{errand.architecture}, and that the "
        "kernel starts programs of that processor (docker run --privileged --rm tonistiigi/binfmt --install "
        f"{errand.architecture})",
    )


def _answer(printed: bytes, errand: Errand, asked: ReplaySpecification) -> ReplayRecord:
    """Return a record that is about what was asked, and ran where it was asked."""
    if len(printed) > MAX_RECORD_BYTES:
        raise CommandFailure(f"the container printed {len(printed)} bytes, which is no record", code=ExitCode.INTERNAL)
    try:
        record = ReplayRecord.model_validate_json(printed)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise CommandFailure(
            f"{errand.image} printed no record of a replay: {problem['msg']}",
            code=ExitCode.INTERNAL,
            remedy="give an image of this release",
        ) from error
    ran_on = record.environment.get("architecture")
    if record.specification != asked or ran_on != MACHINES.get(errand.architecture):
        raise CommandFailure(
            f"{errand.image} replayed something else, or on {ran_on} where {errand.architecture} was asked",
            code=ExitCode.INTERNAL,
            remedy=f"give an image of this release for linux/{errand.architecture}",
        )
    return record
