"""What a program asks for, by the example of its stack's configuration: run on Pulumi's mocks, so that nothing is made.

What AWS would make up is made up here, where a program needs it to go on. What a stack gives is kept for those that
read it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_all_config, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack

from tradeplane_stacks.components.regions import partitions
from tradeplane_stacks.components.stack_name import StackName
from tradeplane_stacks.pictures.event_loops import event_loop
from tradeplane_stacks.programs.program import Program

Watch = Callable[[resource_pb2.RegisterResourceRequest], None]

_REFERENCE = "pulumi:pulumi:StackReference"
_COMPONENT = "tradeplane:components:"

# By type; of all others it is an ARN that is made up.
_MADE_UP: Mapping[str, Mapping[str, Any]] = {
    "aws:ec2/vpc:Vpc": {"defaultNetworkAclId": "acl-1", "defaultRouteTableId": "rtb-1"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.example",
        "certificateAuthority": {"data": "Q0E="},
        "vpcConfig": {"clusterSecurityGroupId": "sg-1"},
    },
    "aws:eks/nodeGroup:NodeGroup": {"nodeGroupName": "nodes"},
    "aws:rds/parameterGroup:ParameterGroup": {"name": "parameters"},
    "aws:rds/subnetGroup:SubnetGroup": {"name": "subnets"},
    "aws:rds/instance:Instance": {
        "address": "database.example",
        "port": 5432,
        "resourceId": "db-1",
        "masterUserSecrets": [{"secretArn": "arn:secret"}],
    },
}


@dataclass(frozen=True, order=True)
class Asked:
    """One resource that a program asks for."""

    component: str
    """The type of the component that it is of, as ``SigningKey``; nothing where it is of none."""
    region: str
    """Where it is; nothing where that is nowhere in particular, as for IAM."""
    type: str


@dataclass(frozen=True)
class Drawn:
    """What a stack asks for, and which other stacks it reads."""

    project: str
    stack: str
    resources: tuple[Asked, ...]
    reads: tuple[str, ...]


@dataclass
class _Recorder(Mocks):
    """Answers as AWS would, and keeps what each stack gives, by its name."""

    given: dict[str, dict[str, Any]]
    stack: StackName
    asked: list[Asked] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == _REFERENCE:
            self.reads.append(args.name)
            name = str(args.inputs["name"]).partition("/")[2]
            return name, {**args.inputs, "outputs": self.given.get(name, {}), "secretOutputNames": []}
        made_up = dict(_MADE_UP.get(args.typ, {}))
        ours = {
            key: {**value, **(args.inputs.get(key) or {})} for key, value in made_up.items() if isinstance(value, dict)
        }
        return f"{args.name}-id", {"arn": f"arn:{args.name}", **args.inputs, **made_up, **ours}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return {**args.args, "publicKeyPem": "", "id": "made-up"}, []

    def note(self, request: resource_pb2.RegisterResourceRequest) -> None:
        """Keep what is asked for, with the component that it is of."""
        if ":" in request.type and not request.type.startswith((_COMPONENT, "pulumi:")):
            chain = request.parent.rpartition("::")[0].rpartition("::")[2].split("$")
            parent = [kind.removeprefix(_COMPONENT) for kind in chain if kind.startswith(_COMPONENT)]
            region = MessageToDict(request.object).get("region", "") or self._of_cluster(request)
            self.asked.append(Asked(parent[-1] if parent else "", str(region), request.type))

    def _of_cluster(self, request: resource_pb2.RegisterResourceRequest) -> str:
        """Return the region of what is in a cluster: the stack's, or that which its component is named after."""
        if not request.type.startswith("kubernetes:"):
            return ""
        named = [region for region in partitions() if request.parent.endswith(f"-{region}")]
        return self.stack.region or next(iter(named), "")


class _Monitor(MockMonitor):
    """Tells the recorder of requests as they arrive: mocks themselves are not told of parents."""

    def __init__(self, recorder: _Recorder, watch: Watch) -> None:
        super().__init__(recorder)
        self._recorder, self._watch = recorder, watch

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - Pulumi's own name
        self._recorder.note(request)
        self._watch(request)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def asked(
    folder: Path, stack: str, program: Program, given: dict[str, dict[str, Any]], watch: Watch = lambda _: None
) -> Drawn:
    """Run a program as one of its stacks; what it gives is added to ``given``, under the name it is read by.

    ``watch`` is told of each request for a resource, as Pulumi's engine would be.
    """
    settings = yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()}
    recorder = _Recorder(given, StackName.parse(stack))

    begin: Callable[[], Any] = program.run

    def run() -> pulumi.Output[Any]:
        # What a program exports is the root's, once it has run; a coroutine is waited for.
        ran: Any = pulumi.Output.from_input(begin())
        done: pulumi.Output[Any] = ran.apply(lambda _: _exported()).apply(gives)
        return done

    def gives(outputs: dict[str, Any]) -> None:
        given[f"{program.project}/{stack}"] = outputs

    with event_loop():
        set_mocks(recorder, program.project, stack, preview=False, monitor=_Monitor(recorder, watch))
        _root().outputs = {}  # it is one for all that is run in a process
        set_all_config(config)
        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return Drawn(program.project, stack, tuple(sorted(recorder.asked)), tuple(sorted(set(recorder.reads))))


def _root() -> Stack:
    root = pulumi.runtime.get_root_resource()
    assert isinstance(root, Stack)  # noqa: S101 - mocks have made it
    return root


def _exported() -> pulumi.Output[dict[str, Any]]:
    return pulumi.Output.from_input(_root().outputs)
