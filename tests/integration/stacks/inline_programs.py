"""Programs of a few resources, written in a test, for Pulumi's real engine; and calls of the protocol without one."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING, Any, NoReturn

import pulumi
from pulumi import automation
from pulumi.automation.errors import CommandError
from tradeplane_stacks.automation.changes import Watched
from tradeplane_stacks.automation.named_stack import NamedStack
from tradeplane_stacks.automation.pulumi_program import command
from tradeplane_stacks.automation.stack_files import read_settings

from tests.integration.stacks.forked import forked

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    import grpc

    from tests.integration.stacks.conftest import Project

_REFUSED_WITHIN_S = 120
_ENDS_WITHIN_S = 30


class Asked(pulumi.CustomResource):
    """A resource of a type by its name, with properties as they go to the provider."""

    def __init__(
        self,
        pulumi_type: str,
        name: str,
        /,
        after: list[pulumi.Resource] | None = None,
        within_s: int | None = None,
        **inputs: Any,
    ) -> None:
        limit = pulumi.CustomTimeouts(create=f"{within_s}s", update=f"{within_s}s") if within_s else None
        options = pulumi.ResourceOptions(depends_on=after or [], custom_timeouts=limit)
        super().__init__(pulumi_type, name, inputs, options)


def stack_of(project: Project, program: Callable[[], None]) -> NamedStack:
    """Return a stack of a project, with a program in place of the project's own."""
    workspace = automation.LocalWorkspace(work_dir=str(project.folder), program=program, pulumi_command=command())
    workspace.secrets_provider = read_settings(project.folder / "Pulumi.sandbox.yaml").get("secretsprovider")
    automation.Stack.create_or_select("sandbox", workspace)
    return NamedStack("sandbox", workspace)


def void(_: object) -> None:
    """Give nothing: what a program returns would be its outputs."""


def up(stack: automation.Stack) -> dict[str, str]:
    """Bring a stack up, and return what was done to which resource."""
    watched = Watched(lambda _: None)
    stack.up(refresh=True, on_event=watched)
    return {change.name: change.operation for change in watched.changes.values()}


def refused(project: Project, program: Callable[[], None]) -> str:
    """Bring a stack up that cannot be, and return what was said of it.

    As a process of its own: Pulumi's SDK leaves a program behind that waits for its engine, and ends with the process.
    The program is one that can be pickled.
    """
    said, tell = multiprocessing.Pipe(duplex=False)
    process = forked(_tell_refusal, dict(os.environ), project, program, tell)
    try:
        assert said.poll(_REFUSED_WITHIN_S), "nothing was said of the stack"
        return str(said.recv())
    finally:
        process.join(_ENDS_WITHIN_S)
        process.kill()


def _tell_refusal(environment: dict[str, str], project: Project, program: Callable[[], None], tell: Connection) -> None:
    os.environ.update(environment)
    try:
        up(stack_of(project, program))
    except CommandError as error:
        tell.send(str(error))
    else:
        tell.send("nothing was refused")


class Aborted(Exception):
    """A call of the protocol was answered with an error."""


class Call:
    """What gRPC gives to who answers a call."""

    def abort(self, code: grpc.StatusCode, message: str) -> NoReturn:
        """End the call."""
        raise Aborted(f"{code.name}: {message}")
