"""The program ``pulumi``, which is Pulumi's engine: the one on PATH, or one that was built here.

Where the published program cannot be had, ``python -m tradeplane_stacks.automation`` builds it from its Go module,
pinned by checksum as the programs of the embedded cluster are. Nothing builds it unasked, as that takes minutes.
"""

import os
import shutil
import subprocess
from pathlib import Path

from pulumi.automation import PulumiCommand
from semver import VersionInfo

from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.policy_packs import write_plugin
from tradeplane_stacks.local.binaries import PULUMI, Binaries, Report
from tradeplane_stacks.local.errors import EmbeddedClusterError
from tradeplane_stacks.local.settings import Settings

_OLDEST = VersionInfo(3, 206)
"""The first that tells its events to the Automation API as they happen."""
_ANSWERS_WITHIN_S = 60
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
    if published is not None:
        return Path(published)
    try:
        built = _built().locate((PULUMI,))[PULUMI]
    except EmbeddedClusterError:  # there is no Go, so that none can have been built for it
        built = None
    if built is None or not built.exists():
        raise StackInvalid("the program pulumi is not on PATH", _REMEDY)
    return built


def build(report: Report) -> Path:
    """Build the program where it is not built yet, and return where it is.

    Raises:
        MissingProgramsError: when there is no Go.
        BuildError: when it cannot be built.

    """
    path = _built().build((PULUMI,), report)[PULUMI]
    write_plugin(path)
    return path


def command() -> PulumiCommand:
    """Return the program as the Automation API takes it.

    Raises:
        StackInvalid: when there is none, or it is too old.

    """
    path = locate()
    try:
        answer = subprocess.run(  # noqa: S603 - the program that was looked up
            [str(path), "version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_ANSWERS_WITHIN_S,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
        version = VersionInfo.parse(answer.stdout.strip().removeprefix("v"))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise StackInvalid(f"{path} does not say its version: {error}", _REMEDY) from error
    if version < _OLDEST:
        raise StackInvalid(f"{path} is pulumi {version}, which is too old", _REMEDY)
    return LocatedPulumi(path, version)


def _built() -> Binaries:
    return Binaries(Settings.from_environment(os.environ).cache)
