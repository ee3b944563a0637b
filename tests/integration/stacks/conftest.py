"""Pulumi's real engine, a cloud of the test's own, and the command as a shell calls it."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.automation.errors import StackInvalid
from tradeplane_stacks.automation.policy_packs import PLUGIN, write_plugin
from tradeplane_stacks.automation.pulumi_program import (
    build,
    build_kubernetes_plugin,
    kubernetes_plugin_present,
    locate,
)
from tradeplane_stacks.programs.platform import PLATFORM

from tests.integration.stacks.cloud import ACCOUNT, Cloud, cloud
from tests.integration.stacks.state_key import state_key
from tests.unit.cli.conftest import tradeplane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["tradeplane"]

ROOT = Path(__file__).parents[3]
PROGRAMS = ("network", "cluster", "platform")
EXAMPLE_ACCOUNT = "111122223333"
PLUGINS_THAT_ARE_THERE = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",  # nobody is asked for what is not there
}
"""Environment in which the engine fetches nothing."""
STANDS_IN = "PULUMI_DEBUG_PROVIDERS"
"""The variable that tells the engine of the stand-in that runs."""
_AWS_PLUGIN = "pulumi-resource-aws"
_COLLECTED_LATE = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Has programs of Go collect less: the engine and its plugins end within seconds, and all that is collected then."""
# A stand-in, in place of the plugin of AWS. It runs by this Python, from this checkout.
_STAND_IN = f"""\
#!{sys.executable}
import sys
import threading
import time

sys.path.insert(0, {str(ROOT)!r})
from tests.integration.stacks.providers.aws import serve

serve()
"""
_LIMIT_S = 300
_THREADS_END_WITHIN_S = 10


@pytest.fixture(scope="session")
def pulumi() -> Path:
    """Give the program pulumi: the published one where it is on PATH, else built from its module."""
    try:
        return locate()
    except StackInvalid:
        return build(print)


@pytest.fixture(scope="session")
def policies_plugin(pulumi: Path) -> None:
    """Have the plugin of policies beside a pulumi that was built before it was written there."""
    if shutil.which(PLUGIN) is None:
        write_plugin(pulumi)


@pytest.fixture(scope="session")
def kubernetes_plugin() -> None:
    """Have the plugin of Kubernetes: a published one, else one that is built from its module."""
    if not kubernetes_plugin_present():
        build_kubernetes_plugin(print)


@pytest.fixture(scope="session")
def served() -> Iterator[Cloud]:
    """Give a cloud for all of these tests: what they have made is forgotten after each."""
    with pytest.MonkeyPatch.context() as patch, cloud(patch) as found:
        yield found


@pytest.fixture(scope="session")
def environment(served: Cloud, pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give the environment of Pulumi, with the plugin of AWS."""
    with plugins(served.url, tmp_path_factory.mktemp("plugins")) as found:
        yield found


@contextlib.contextmanager
def plugins(url: str, folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment of Pulumi: the plugin of AWS that is on PATH, else the stand-in, and a cloud's address."""
    if shutil.which(_AWS_PLUGIN) is not None:
        yield _at(url)
    else:
        with stand_in(url, folder) as found:
            yield found


@contextlib.contextmanager
def stand_in(url: str, folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment of Pulumi with a stand-in for the plugin of AWS, whatever is on PATH.

    The engine starts a plugin several times for each command, which is most of what that takes where the plugin is
    written in Python. So that the stand-in runs already, and the engine is told where.
    """
    found = _at(url) | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    program = folder / _AWS_PLUGIN
    program.write_text(_STAND_IN, encoding="utf-8")
    program.chmod(0o755)
    with _serving(program, found) as port:
        yield found | {STANDS_IN: f"aws:{port}"}


def _at(url: str) -> dict[str, str]:
    """Return what has plugins ask a cloud at an address, and nobody else."""
    return PLUGINS_THAT_ARE_THERE | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def path_without(program: str, *first: Path) -> str:
    """Return a PATH of folders and the system's own, but for those that have a program: it may be in any of them."""
    folders = (*first, Path("/usr/bin"), Path("/bin"))
    return os.pathsep.join(str(one) for one in folders if not (one / program).exists())


@contextlib.contextmanager
def _serving(program: Path, environment: dict[str, str]) -> Iterator[int]:
    """Run a stand-in; yields its port."""
    with subprocess.Popen([str(program)], env=os.environ | environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def renderings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for what kustomize makes for charts, which all processes of a run have."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "renderings"
    folder.mkdir(exist_ok=True)
    return folder


@dataclass(frozen=True)
class Project:
    """A copy of ``stacks/`` with a state of its own, of whose examples a test changes what it wants."""

    folder: Path
    """That of the program ``platform``."""
    pulumi: Path

    @property
    def programs(self) -> Path:
        """The folder that has the programs' folders."""
        return self.folder.parent

    def configure(self, stack: str, place: str = "platform:signing_key", **changes: Any) -> None:
        """Change fields of the configuration of a part, ``PROGRAM:KEY``, or begin it; those that are None go."""
        program, _, part = place.partition(":")
        with self.settings(stack, program) as config:
            fields = config.get(f"tradeplane-{program}:{part}", {}) | changes
            config[f"tradeplane-{program}:{part}"] = {k: v for k, v in fields.items() if v is not None}

    def hide(self, stack: str, place: str, value: str) -> None:
        """Set a field of a part's configuration, ``PROGRAM:KEY.FIELD``, as a secret of a stack that is there."""
        folder = str(self.programs / place.partition(":")[0])
        secret = ("--path", "--secret", f"tradeplane-{place}", value)
        self.run("config", "set", "--stack", stack, "-C", folder, *secret)

    def keep(self, stack: str, *parts: str) -> None:
        """Configure no parts of the platform but these."""
        with self.settings(stack, "platform") as config:
            for part in PLATFORM.parts:
                if part.key not in parts:
                    config.pop(f"{PLATFORM.project}:{part.key}", None)

    def without_runners(self, stack: str = "prod.eu-west-1") -> None:
        """Configure no runners in a cluster: they need one that is there, and charts."""
        with self.settings(stack, "cluster") as config:
            del config["tradeplane-cluster:runners"]

    def encrypt_by(self, provider: str | None) -> None:
        """Have what is secret of stacks that are not there yet encrypted by a key; by the passphrase without one."""
        for file in self.programs.glob("*/Pulumi.*.yaml"):
            settings = yaml.safe_load(file.read_text(encoding="utf-8"))
            settings.pop("secretsprovider", None)
            named = {} if provider is None else {"secretsprovider": provider}
            file.write_text(yaml.safe_dump({**named, **settings}), encoding="utf-8")

    @contextlib.contextmanager
    def settings(self, stack: str, program: str) -> Iterator[dict[str, Any]]:
        """Give the configuration of a stack of a program, to be changed."""
        file = self.programs / program / f"Pulumi.{stack}.yaml"
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
        yield settings["config"]
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        """Run the program pulumi itself."""
        return subprocess.run(
            [str(self.pulumi), "--non-interactive", *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
        ).stdout


@pytest.fixture(scope="session")
def key_of_states() -> Iterator[str]:
    """Give a key for the secrets of states, as a stack's settings name it."""
    with state_key() as found:
        yield found


@pytest.fixture
def project(
    tmp_path: Path,
    pulumi: Path,
    environment: dict[str, str],
    key_of_states: str,
    monkeypatch: pytest.MonkeyPatch,
    tradeplane: Callable[..., Any],
) -> Iterator[Project]:
    """Give the project, in which the command is called from now on; nobody else's state or credentials are seen."""
    del tradeplane  # it chooses a folder as well, and so comes first
    found, own = copied(tmp_path, pulumi)
    found.encrypt_by(key_of_states)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    enter(found.folder, environment | own, monkeypatch)
    yield found
    _collect()


def copied(folder: Path, pulumi: Path) -> tuple[Project, dict[str, str]]:
    """Copy the programs, with their examples, into a folder; return them, and the environment of a state there."""
    for program in PROGRAMS:
        copy = folder / "stacks" / program
        shutil.copytree(ROOT / "stacks" / program, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for file in copy.glob("Pulumi.*.yaml"):
            settings = yaml.safe_load(file.read_text(encoding="utf-8").replace(EXAMPLE_ACCOUNT, ACCOUNT))
            settings.pop("secretsprovider", None)  # there is no KMS before the stack; the passphrase below stands in
            file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return Project(folder / "stacks" / "platform", pulumi), own_state(folder)


def own_state(folder: Path) -> dict[str, str]:
    """Make a state of stacks in a folder; return the environment in which it is used."""
    (folder / "state").mkdir()
    return {
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        # Kinds make a state large, and writing it at each step is most of what large stacks take: at the end is enough
        # for all but what is killed, and once.
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
    }


def enter(folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command called in the folder of a program from now on."""
    for name, value in (_COLLECTED_LATE | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)


def _collect() -> None:
    """Have what Pulumi's SDK leaves (an event loop a thread, which nobody closes) go within the test that it is of."""
    gc.collect()
    ends = time.monotonic() + _THREADS_END_WITHIN_S
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(max(0, ends - time.monotonic()))
    gc.collect()


@pytest.fixture
def aws(served: Cloud) -> Cloud:
    """Give the cloud, with nothing in it."""
    served.empty()
    return served
