"""The demo's installation of tradeplane: a stack of ``stacks/local``, brought up as ``tradeplane stack up`` brings any.

Configuration, state and passphrase are in a folder of the demo's own, so that they go with it, and nobody else's state
of Pulumi is touched. They are of one cluster: against another, all that is recorded would be taken for gone.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.automation.errors import (
    StackError,
    StackExists,
    StackInterrupted,
    StackLocked,
)
from tradeplane_stacks.automation.pulumi_program import (
    build,
    build_kubernetes_plugin,
    kubernetes_plugin_present,
)
from tradeplane_stacks.automation.stack import Stack
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.objects import shown
from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.programs.local import LOCAL
from tradeplane_stacks.programs.program import ConfigurationRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tradeplane_stacks.automation.stack import Outcome
    from tradeplane_stacks.demo.programs import Kubectl
    from tradeplane_stacks.demo.progress import Progress

STACK = "demo"
"""Name of the stack."""
_PROJECT = CHECKOUT / "stacks" / LOCAL.folder / "Pulumi.yaml"
# What Pulumi writes into a stack's settings itself: how its secrets are encrypted.
_ENCRYPTION = ("secretsprovider", "encryptedkey", "encryptionsalt")
# Each update leaves a copy of the state, most of which is the schemas of kinds, and by default another one.
_STATE = {"PULUMI_DIY_BACKEND_GZIP": "true", "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true"}
_LOOKING = ("refresh", "read")
_COMPONENT = StackName(STACK).component("platform")
_BOOKKEEPING = ("pulumi:", "tradeplane:")


@dataclass(frozen=True)
class Installation:
    """The stack in a folder, on the cluster of a kubectl."""

    folder: Path
    kubectl: Kubectl
    progress: Progress

    @property
    def there(self) -> bool:
        """Whether it was begun: Pulumi has a state of it."""
        return any((self.folder / "state").rglob(f"{STACK}.json*"))

    def up(self, settings: Mapping[str, Any]) -> Outcome:
        """Make what a stack's settings say, and put right what is otherwise.

        Raises:
            DemoError: it cannot be made, or what is recorded is of another cluster.

        """
        self._hold_to_this_cluster()
        self._write(settings)
        self.progress.say(f"tradeplane stack up {STACK} -C {shown(self.folder)}")
        with self._told():
            stack = self._stack()

            def begun_and_up() -> Outcome:
                with suppress(StackExists):
                    stack.init()
                return stack.up()

            return self._counted(self._unlocked(stack, begun_and_up))

    def destroy(self) -> Outcome:
        """Remove all that was made.

        Raises:
            DemoError: it cannot be removed, or what is recorded is of another cluster.

        """
        self._hold_to_this_cluster()
        self.progress.say(f"tradeplane stack destroy {STACK} -C {shown(self.folder)}")
        with self._told():
            stack = self._stack()
            return self._counted(self._unlocked(stack, stack.destroy))

    def namespaces(self) -> list[str]:
        """Return the namespaces that run work, as the stack made them; none where it made nothing. Raises DemoError."""
        with self._told():
            outputs = {one.name: one.value for one in self._stack().outputs()}
        return list((outputs.get("platform") or {}).get("namespaces", ()))

    @property
    def _file(self) -> Path:
        return self.folder / f"Pulumi.{STACK}.yaml"

    def _stack(self) -> Stack:
        return Stack(self.folder, STACK, told(self.progress), variables=self._environment())

    def _environment(self) -> dict[str, str]:
        """Return the environment of Pulumi: this cluster, and a state and passphrase of the demo's."""
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        found = {**_STATE, "PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_HOME": str(self._home())}
        if self.kubectl.kubeconfig is not None:
            found["KUBECONFIG"] = str(self.kubectl.kubeconfig)
        if self._passphrase.exists():
            found["PULUMI_CONFIG_PASSPHRASE"] = self._passphrase.read_text(encoding="ascii")
        return found

    def _home(self) -> Path:
        """Return the folder of what Pulumi remembers, with the plugins that it fetched before."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        fetched = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
        if fetched.is_dir() and not (home / "plugins").exists():
            (home / "plugins").symlink_to(fetched)
        return home

    @property
    def _passphrase(self) -> Path:
        """The demo's own; there is none where a user's settings have secrets, which are encrypted by the user's."""
        return self.folder / "passphrase"

    def _write(self, settings: Mapping[str, Any]) -> None:
        """Write the project, and the stack's settings with what Pulumi added to those of before."""
        if not self._passphrase.exists() and not settings.keys() & {*_ENCRYPTION}:
            self._passphrase.touch(mode=0o600)
            self._passphrase.write_text(secrets.token_urlsafe(32), encoding="ascii")
        before = yaml.safe_load(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        kept = {name: before[name] for name in _ENCRYPTION if name in before}
        shutil.copyfile(_PROJECT, self.folder / _PROJECT.name)
        self._file.write_text(yaml.safe_dump({**kept, **settings}, sort_keys=False), encoding="utf-8")

    def _hold_to_this_cluster(self) -> None:
        """Record which cluster this is of.

        Raises:
            DemoError: it is of another one.

        """
        cluster = self.kubectl.get("namespace", "kube-system")["metadata"]["uid"]
        record = self.folder / "cluster"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not record.exists():
            record.write_text(f"{cluster}\n", encoding="ascii")
        elif record.read_text(encoding="ascii").strip() != cluster:
            raise DemoError(
                f"What {shown(self.folder)} records is on another cluster than the one that KUBECONFIG names now.",
                f"Name the one of before, or, where that is gone, remove the folder: rm -r {shown(self.folder)}",
            )

    def _unlocked(self, stack: Stack, do: Callable[[], Outcome]) -> Outcome:
        """Do it; where one that was killed left its lock, take that away first."""
        try:
            return do()
        except StackLocked as error:
            if not error.holders or any(map(_runs, error.holders)):
                raise
            self.progress.say(f"{error}, which runs no more: taking its lock away")
            stack.cancel()
            return do()

    def _counted(self, outcome: Outcome) -> Outcome:
        number = len(outcome.changes)
        self.progress.say(f"{number} {'change' if number == 1 else 'changes'}, {outcome.unchanged} unchanged")
        for warning in outcome.warnings:
            self.progress.say(f"warning: {warning}")
        return outcome

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what goes wrong with a stack as the demo does."""
        try:
            yield
        except StackInterrupted as error:
            raise KeyboardInterrupt from error
        except StackError as error:
            raise DemoError(str(error), error.remedy or f"Look at {shown(self.folder)}.") from error
        except ConfigurationRefused as error:
            raise DemoError(str(error), "Mend these fields; docs/stacks/platform.md says what each is.") from error


def provide_engine(say: Callable[[str], None]) -> None:
    """Have Pulumi's engine and its provider of Kubernetes: those that are installed, or else built.

    Raises:
        EmbeddedClusterError: they cannot be built.

    """
    # What is built is looked at again even where it is there: its plugins are written beside it by whoever uses it.
    installed = shutil.which("pulumi")
    say(f"pulumi: {build(say) if installed is None else installed}")
    if not kubernetes_plugin_present():
        build_kubernetes_plugin(say)


def told(progress: Progress) -> Callable[[str], None]:
    """Return what tells a person what the engine does, of what it says in a line: operation, type and name."""

    def tell(line: str) -> None:
        operation, _, rest = line.partition(" ")
        if operation == "same" or rest.startswith(_BOOKKEEPING):
            return
        progress.waiting("looking at what is there" if operation in _LOOKING else f"{operation} {_plain(rest)}")

    return tell


def _plain(resource: str) -> str:
    """Return kind and name of an object, from its type and the name that the component gives it."""
    pulumi_type, _, name = resource.partition(" ")
    kind = pulumi_type.rpartition(":")[2]
    return f"{kind} {name.removeprefix(f'{_COMPONENT}-{kind.lower()}-')}"


def _runs(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
