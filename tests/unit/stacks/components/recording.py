"""A component made against Pulumi's mocks, and what it asked for."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks


class Recorded(Mocks):
    """Every resource that was asked for, by its name, and outputs as AWS would make them up."""

    def __init__(self) -> None:
        self.resources: dict[str, MockResourceArgs] = {}
        self.outputs: dict[str, Any] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        assert args.name not in self.resources
        self.resources[args.name] = args
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:{args.name}"}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token.endswith(":getPublicKey")
        return {**args.args, "publicKeyPem": f"PEM of {args.args['keyId']} in {args.args['region']}"}, []

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of the resources of a type, by their names."""
        return {name: args.inputs for name, args in self.resources.items() if args.typ == kind}


def record(make: Callable[[], dict[str, pulumi.Output[Any]]]) -> Recorded:
    """Run what makes a component, and wait for the outputs it returns."""
    recorded = Recorded()

    def run() -> pulumi.Output[None]:
        return pulumi.Output.all(**make()).apply(recorded.outputs.update)

    with _event_loop():
        set_mocks(recorded, preview=False)
        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return recorded


@contextmanager
def _event_loop() -> Iterator[None]:
    """Give Pulumi a loop, and one to each thread that it hands work to: it asks for them, and closes none."""
    loops = [asyncio.new_event_loop()]

    def begin_thread() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    loop = loops[0]
    loop.set_default_executor(ThreadPoolExecutor(4, initializer=begin_thread))
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        for one in loops:
            one.close()
