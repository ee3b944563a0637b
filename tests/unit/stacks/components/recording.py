"""A component made against Pulumi's mocks, and what it asked for."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from tradeplane_stacks.pictures.event_loops import event_loop

Answers = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]
"""What AWS makes up, by the type of a resource or the token of a call, from the inputs."""


class Recorded(Mocks):
    """Every resource that was asked for, by its name, and outputs as AWS would make them up."""

    def __init__(self, answers: Answers) -> None:
        self.resources: dict[str, MockResourceArgs] = {}
        self.outputs: dict[str, Any] = {}
        self._answers = answers

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        assert args.name not in self.resources
        self.resources[args.name] = args
        made_up = self._answers[args.typ](args.inputs) if args.typ in self._answers else {}
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:{args.name}", **made_up}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token in self._answers, f"AWS is asked {args.token}, for which the test has no answer"
        return {**args.args, **self._answers[args.token](args.args)}, []

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of the resources of a type, by their names."""
        return {name: args.inputs for name, args in self.resources.items() if args.typ == kind}


def record(make: Callable[[], dict[str, pulumi.Output[Any]]], answers: Answers | None = None) -> Recorded:
    """Run what makes a component, and wait for the outputs it returns."""
    recorded = Recorded(answers or {})

    def run() -> pulumi.Output[None]:
        return pulumi.Output.all(**make()).apply(recorded.outputs.update)

    with event_loop():
        set_mocks(recorded, preview=False)
        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return recorded
