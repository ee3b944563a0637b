"""The program ``pulumi``, which is Pulumi's engine, and its plugins: those on PATH, or what was built here.

Where the published programs cannot be had, ``python -m tradeplane_stacks.automation`` builds the engine and its plugin
of Kubernetes from their Go modules, pinned by checksum as the programs of the embedded cluster are. Nothing builds them
unasked, as that takes minutes. The plugin of AWS is built from sources that its Go module does not have.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pulumi.automation import PulumiCommand
from semver import VersionInfo

from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.language_host import write_host
from tradeplane_stacks.automation.policy_packs import write_plugin
from tradeplane_stacks.local.binaries import PULUMI, PULUMI_KUBERNETES, Binaries, Program, Report
from tradeplane_stacks.local.errors import EmbeddedClusterError

_OLDEST = VersionInfo(3, 206)
"""The first that tells its events to the Automation API as they happen."""
_ANSWERS_WITHIN_S = 60
_FETCHED = "resource-kubernetes-v"
"""What folders of the plugin begin with in Pulumi's home; its version follows."""
PYTHON_OF_KUBERNETES = "pulumi-kubernetes"
"""The distribution whose version is that of the plugin which programs ask for."""
_REMEDY = (
    f"install pulumi {_OLDEST} or newer (https://www.pulumi.com/docs/install/) and put it on PATH, "
    "or build it, with Go: python -m tradeplane_stacks.automation"
)


class LocatedPulumi(PulumiCommand):
    """The program at a path, whose version is known."""

    def __init__(self, path: Path, version: VersionInfo) -> None:
        self.command = str(path)
        self.version = version


def locate() -> Path:
    """Return where the program is.

    Raises:
        StackInvalid: when it is neither on PATH nor built.

    """
    published = shutil.which("pulumi")
    found = Path(published) if published is not None else _located(PULUMI)
    if found is None:
        raise StackInvalid("the program pulumi is not on PATH", _REMEDY)
    return found


def search_path(pulumi: Path) -> str:
    """Return where the engine looks for plugins first: PATH, and beside ``pulumi``."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(pulumi.parent)])


def offer_kubernetes_plugin(home: Path) -> None:
    """Have the engine find the plugin of Kubernetes that was built here, where there is no published one.

    ``home`` is Pulumi's, where the engine looks for the version that programs ask for, by the folder's name. On PATH it
    would take whatever is there, and warn of it.
    """
    for folder in (home / "plugins").glob(f"{_FETCHED}*/"):
        link = folder / PULUMI_KUBERNETES.name
        if link.is_symlink() and not link.exists():  # it would be taken for a plugin that is there
            shutil.rmtree(folder)
    built = None if _kubernetes_plugin_published(home) else _located(PULUMI_KUBERNETES)
    if built is None:
        return
    link = home / "plugins" / f"{_FETCHED}{version(PYTHON_OF_KUBERNETES)}" / built.name
    if link.is_symlink() and link.readlink() == built:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    unnamed = link.with_name(f".{built.name}.{os.getpid()}")
    unnamed.symlink_to(built)
    unnamed.replace(link)


def home_of(variables: Mapping[str, str]) -> Path:
    """Return the folder that Pulumi calls its home, in an environment."""
    return Path(variables.get("PULUMI_HOME") or Path.home() / ".pulumi")


def build(report: Report) -> Path:
    """Build the engine where it is not built yet, and return where it is.

    Raises:
        MissingProgramsError: when there is no Go.
        BuildError: when it cannot be built.

    """
    path = Binaries.of_user().build((PULUMI,), report)[PULUMI]
    write_plugin(path)
    write_host(path)
    return path


def build_kubernetes_plugin(report: Report) -> Path:
    """Build the engine's plugin of Kubernetes where it is not built yet, and return where it is.

    Raises:
        MissingProgramsError: when there is no Go.
        BuildError: when it cannot be built.

    """
    return Binaries.of_user().build((PULUMI_KUBERNETES,), report)[PULUMI_KUBERNETES]


def kubernetes_plugin_present() -> bool:
    """Return whether the engine finds a plugin of Kubernetes: a published one, or one that was built here."""
    return _kubernetes_plugin_published(home_of(os.environ)) or _located(PULUMI_KUBERNETES) is not None


def command() -> PulumiCommand:
    """Return the program as the Automation API takes it.

    Raises:
        StackInvalid: when there is none, or it is too old.

    """
    path = locate()
    found = _version(path)
    if found < _OLDEST:
        raise StackInvalid(f"{path} is pulumi {found}, which is too old", _REMEDY)
    return LocatedPulumi(path, found)


@cache
def _version(path: Path) -> VersionInfo:
    """Ask the program once: a process opens several stacks by it."""
    try:
        answer = subprocess.run(  # noqa: S603 - the program that was looked up
            [str(path), "version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_ANSWERS_WITHIN_S,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
        return VersionInfo.parse(answer.stdout.strip().removeprefix("v"))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise StackInvalid(f"{path} does not say its version: {error}", _REMEDY) from error


def _located(program: Program) -> Path | None:
    """Return where a program is that was built, if it was."""
    try:
        path = Binaries.of_user().locate((program,))[program]
    except EmbeddedClusterError:  # there is no Go, so that none can have been built for it
        return None
    return path if path.exists() else None


def _kubernetes_plugin_published(home: Path) -> bool:
    """Return whether the plugin is on PATH, or Pulumi has fetched one: what is a link there is of here."""
    fetched = (home / "plugins").glob(f"{_FETCHED}*/")
    name = PULUMI_KUBERNETES.name
    return shutil.which(name) is not None or any(not (folder / name).is_symlink() for folder in fetched)
