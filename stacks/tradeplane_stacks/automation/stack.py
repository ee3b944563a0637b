"""A stack, and what is done with it: by the Automation API, with the program that its project names.

The engine is asked to look at what is there first (``refresh``) wherever something is compared or changed: what
somebody changed by hand is found by it alone, and put right by the same ``up``.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation

from tradeplane_stacks.automation.changes import Change, Violation, Watched
from tradeplane_stacks.automation.errors import StackAwaited, StackInterrupted, StackInvalid, StackRefused
from tradeplane_stacks.automation.explanations import broken_rules, explained, output_of, put_off
from tradeplane_stacks.automation.interrupts import abandoned_programs_unsaid, finishing_on_interrupt
from tradeplane_stacks.automation.named_stack import MASKED, NamedStack
from tradeplane_stacks.automation.policy_packs import environment, found_packs
from tradeplane_stacks.automation.pulumi_program import command, home_of, offer_kubernetes_plugin, search_path
from tradeplane_stacks.automation.stack_files import read_settings, read_values, secrets_of, typed
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.stack_name import InvalidStackName, StackName
from tradeplane_stacks.programs.cluster import CLUSTER
from tradeplane_stacks.programs.local import LOCAL
from tradeplane_stacks.programs.network import NETWORK
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import ConfigurationRefused, Program
from tradeplane_stacks.programs.references import ReferenceRefused

PROGRAMS = {program.project: program for program in (NETWORK, CLUSTER, PLATFORM, LOCAL)}
"""Programs by the name of their project, as ``Pulumi.yaml`` has it."""

Say = Callable[[str], None]
"""Takes one line that tells a person what goes on."""

_SETTINGS = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
_NAME_A_FOLDER = "name the folder of a program, such as stacks/platform"


@dataclass(frozen=True)
class Outcome:
    """What an operation changed, or would change."""

    stack: str
    project: str
    operation: str
    changes: tuple[Change, ...]
    unchanged: int
    warnings: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    """Rules that are broken and are none to fail by."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "stack": self.stack,
            "project": self.project,
            "operation": self.operation,
            "changes": [change.as_json() for change in self.changes],
            "unchanged": self.unchanged,
            "warnings": list(self.warnings),
            "violations": [violation.as_json() for violation in self.violations],
        }


@dataclass(frozen=True)
class Output:
    """One output of a stack; ``value`` is None where it is a secret."""

    name: str
    value: Any
    secret: bool


class Stack:
    """A stack of a project in a folder that has ``Pulumi.yaml`` and ``Pulumi.STACK.yaml``.

    ``policy_packs``: folders of policy packs that ``preview`` and ``up`` are held against; what breaks a mandatory rule
    of one is not made. Every method raises ``StackError``, and ``ConfigurationRefused`` before anything is made.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        say: Say = lambda _: None,
        policy_packs: Sequence[Path] = (),
        *,
        engine: automation.PulumiCommand | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Open it.

        ``engine`` is the program pulumi, looked up where it is not given; ``variables`` are added to its environment.
        """
        try:
            StackName.parse(name)
        except InvalidStackName as error:
            raise StackInvalid(f"{name!r} is no name of a stack: {error}") from error
        self.name, self._say, self._typed = name, say, typed(name, folder)
        self._refused: ConfigurationRefused | ReferenceRefused | None = None
        self.program = program_of(folder)
        self.settings = folder / f"Pulumi.{name}.yaml"
        """The file that has its configuration."""
        if not self.settings.is_file():
            raise StackInvalid(
                f"stack {name} has no configuration: there is no {self.settings}", "write it, or name another"
            )
        pulumi = engine or command()
        self._packs = found_packs(policy_packs)
        program = Path(pulumi.command)
        path = search_path(program)
        offer_kubernetes_plugin(home_of({**os.environ, **(variables or {})}))
        of_packs = environment(path, program) if self._packs else {}
        settings_of_engine = {**_SETTINGS, "PATH": path, **of_packs, **(variables or {})}
        self._workspace = automation.LocalWorkspace(
            work_dir=str(folder), program=self._run, env_vars=settings_of_engine, pulumi_command=pulumi
        )

    def configured(self) -> dict[str, Configuration]:
        """Check its configuration, and return what each part is made by, by its key.

        It is read from its file; Pulumi is asked where something of it is secret, and raises ``StackMissing`` where
        there is no such stack yet.
        """
        project = self.program.project
        if not secrets_of(self.settings, project):
            return self.program.read(self.name, read_values(self.settings, project))
        with self._told(Watched(self._say)):
            found = self._workspace.get_all_config(self.name)
        start = f"{project}:"
        own = {key.removeprefix(start): one.value for key, one in found.items() if key.startswith(start)}
        return self.program.read(self.name, own)

    def init(self) -> None:
        """Make the stack, without anything in it, its secrets encrypted as ``Pulumi.STACK.yaml`` says."""
        provider = read_settings(self.settings).get("secretsprovider")
        self._workspace.secrets_provider = provider or "passphrase"
        with self._told(Watched(self._say)):
            automation.Stack.create(self.name, self._workspace)

    def preview(self) -> Outcome:
        """Say what ``up`` would change."""
        return self._done(
            "preview",
            lambda stack, watched: stack.preview(refresh=True, on_event=watched, policy_packs=self._packs),
        )

    def up(self) -> Outcome:
        """Make what the program says, and put right what is otherwise."""
        return self._done(
            "up",
            lambda stack, watched: stack.up(
                refresh=True,
                on_event=watched,
                show_secrets=False,
                suppress_outputs=True,
                policy_packs=self._packs,
            ),
        )

    def drift(self) -> Outcome:
        """Say what is otherwise than it was made; nothing is changed."""
        return self._done(
            "drift",
            lambda stack, watched: stack.preview_refresh(on_event=watched, show_secrets=False, run_program=False),
        )

    def preview_destroy(self) -> Outcome:
        """Say what ``destroy`` would remove; refused where something of it is protected."""
        self.refuse_protected()
        return self._done(
            "destroy",
            lambda stack, watched: stack.preview_destroy(on_event=watched, show_secrets=False, run_program=False),
        )

    def destroy(self) -> Outcome:
        """Remove all of it; refused where something of it is protected, before anything is removed."""
        self.refuse_protected()
        return self._done(
            "destroy", lambda stack, watched: stack.destroy(on_event=watched, show_secrets=False, run_program=False)
        )

    def outputs(self) -> tuple[Output, ...]:
        """Return what it gives to others, secrets without their values."""
        with self._told(Watched(self._say)):
            found = self._named().masked_outputs()
        return tuple(
            Output(name, None if value == MASKED else value, value == MASKED) for name, value in sorted(found.items())
        )

    def cancel(self) -> tuple[str, ...]:
        """Remove the lock of an update that was killed; return what it had begun and nobody knows the end of."""
        with self._told(Watched(self._say)):
            stack = self._named()
            stack.cancel()
            state: Any = stack.export_stack().deployment
        begun = (state or {}).get("pending_operations") or ()
        return tuple(sorted(f"{one['type']} {_name(one['resource']['urn'])}" for one in begun))

    async def _run(self) -> None:
        try:
            await self.program.run()
        except Exception as error:
            # Pulumi hands on no more than the text of it, so that it is kept.
            cause = error.__cause__
            self._refused = cause if isinstance(cause, ConfigurationRefused | ReferenceRefused) else None
            raise

    def _done(self, operation: str, ask: Callable[[automation.Stack, Watched], object]) -> Outcome:
        watched = Watched(self._say)
        with self._told(watched), finishing_on_interrupt(self._say) as interrupted:
            try:
                ask(self._named(), watched)
            except automation.errors.CommandError as error:
                if interrupted():
                    raise StackInterrupted(
                        f"stack {self.name}: {operation} was interrupted; what was under way was finished and recorded",
                        "run the same again: it goes on from there",
                    ) from error
                raise
        changes = tuple(sorted(watched.changes.values()))
        violations = tuple(sorted(watched.violations))
        warnings = [*watched.warnings, *put_off(watched)]
        return Outcome(
            self.name,
            self.program.project,
            operation,
            changes,
            watched.unchanged,
            tuple(warnings),
            violations,
        )

    def _named(self) -> NamedStack:
        return NamedStack(self.name, self._workspace)

    def refuse_protected(self) -> None:
        """Raise StackRefused where something of it is protected from removal."""
        with self._told(Watched(self._say)):
            state: Any = self._named().export_stack().deployment
        kept = [resource["urn"] for resource in (state or {}).get("resources", ()) if resource.get("protect")]
        if kept:
            names = ", ".join(sorted(map(_name, kept)))
            raise StackRefused(
                f"stack {self.name} holds what is protected from removal: {names}",
                "nothing was removed; read what each is for, and if all of them may go: "
                f"pulumi state unprotect --all --stack {self._typed} (or one by its URN), then again",
            )

    @contextmanager
    def _told(self, watched: Watched) -> Iterator[None]:
        """Tell errors of Pulumi as what they mean."""
        self._refused = None
        try:
            with abandoned_programs_unsaid():
                yield
        except automation.errors.CommandError as error:
            if isinstance(self._refused, ReferenceRefused):
                raise StackAwaited(f"stack {self.name}: {self._refused}", self._refused.remedy) from error
            if self._refused is not None:
                raise self._refused from error
            broken = [violation for violation in watched.violations if violation.mandatory]
            if broken:
                raise broken_rules(self.name, broken) from error
            raise explained(self.name, "\n".join(watched.errors) or output_of(str(error)), self._typed) from error


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def program_of(folder: Path) -> Program:
    """Return the program that a folder's ``Pulumi.yaml`` names.

    Raises:
        StackInvalid: when there is no such file, it cannot be read, or names none.

    """
    file = folder / "Pulumi.yaml"
    if not file.exists():
        raise StackInvalid(f"{folder} is no project of Pulumi: there is no {file}", _NAME_A_FOLDER)
    project = read_settings(file).get("name")
    if project not in PROGRAMS:
        raise StackInvalid(f"{file}: name: {project!r} is none of {', '.join(PROGRAMS)}", _NAME_A_FOLDER)
    return PROGRAMS[project]
