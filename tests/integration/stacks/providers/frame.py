# ruff: noqa: N802 - methods are named as the protocol has them
"""The frame of a stand-in for a provider of Pulumi: the protocol that its engine speaks, apart from what is made.

Published plugins cannot be had everywhere that the tests run, and they speak to clouds. A stand-in is a program of the
same name on PATH that speaks to a server of the test's own. It is small on purpose: what it does not implement it
refuses by name, so that a test cannot pass by what was left out. The protocol is ``pulumi/provider.proto`` of Pulumi's
SDK: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from pulumi.runtime.proto import plugin_pb2, status_pb2
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server
from pulumi.runtime.rpc import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Properties = dict[str, Any]
"""Properties of a resource as Pulumi spells them, in JSON's types."""

_ORPHANED_AFTER_S = 0.5
_READY_WITHIN_S = 600.0
"""How long a resource may take to be ready where its options say nothing (`customTimeouts`)."""
_LOOK_AGAIN_S = 0.1


class Refused(Exception):
    """What was asked for is not valid, or not implemented here."""


@dataclass(frozen=True)
class Found:
    """A resource as it is: what its inputs would have to be, and its outputs."""

    inputs: Properties
    outputs: Properties


class ResourceType(ABC):
    """How the resources of one type are made. Errors of the client that it uses are told as they are."""

    pulumi_type: str
    """The type, as ``aws:kms/key:Key``."""
    replaces: frozenset[str] = frozenset()
    """Inputs that cannot be changed: another value is another resource."""
    named: str | None = None
    """The input that is a name, which is made up where it is left out."""
    prefix: str | None = None
    """The input that such a name begins with, where it is given."""

    def replaced_by(self, key: str) -> bool:
        """Whether another value of an input is another resource."""
        return key in self.replaces

    @abstractmethod
    def check(self, inputs: Properties) -> None:
        """Raise Refused where inputs are not valid; some may be ``UNKNOWN`` yet."""

    def replacing(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        """Return which of the inputs that changed make another resource."""
        return [key for key in changed if self.replaced_by(key)]

    def same_name(self, old: Properties, new: Properties) -> bool:
        """Whether both have a name, and the same: one can then be made only when the other is gone."""
        return self.named is not None and same(old.get(self.named), new.get(self.named))

    def unready(self, resource_id: str, inputs: Properties) -> list[str]:
        """Return why a resource that was made is not ready yet; empty where it is, as most are at once."""
        del resource_id, inputs
        return []

    @abstractmethod
    def create(self, inputs: Properties) -> str:
        """Make it, and return its id."""

    @abstractmethod
    def read(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is, None where it is not there; ``inputs`` are what it was made by."""

    @abstractmethod
    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Change it from the old inputs to the new ones."""

    @abstractmethod
    def delete(self, resource_id: str, inputs: Properties) -> None:
        """Remove it; what is gone already is removed."""


Result = TypeVar("Result")


class Provider(ResourceProviderServicer):
    """Serves types and functions to the engine, over gRPC."""

    def __init__(
        self,
        version: str,
        types: Mapping[str, ResourceType],
        functions: Mapping[str, Callable[[Properties], Properties]],
    ) -> None:
        self._version, self._types, self._functions = version, types, functions

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """Return the version of the provider that this stands in for."""
        return plugin_pb2.PluginInfo(version=self._version)

    def Attach(self, request: Any, context: Any) -> Any:
        """Take the engine's address, which is not used."""
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Take any configuration of the provider."""
        return protocol.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Say that a provider of another configuration replaces nothing."""
        return protocol.DiffResponse(changes=protocol.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        """Say what is understood here: previews, and no more."""
        return protocol.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: Any, context: Any) -> Any:
        """Call a function."""
        function = self._functions.get(request.tok)
        if function is None:
            _refuse(context, f"the function {request.tok} is not implemented by this stand-in")
        result = _told(context, lambda: function(_plain(request.args)))
        return protocol.InvokeResponse(**{"return": _struct(result)})

    def Check(self, request: Any, context: Any) -> Any:
        """Check inputs, and make a name where there is none."""
        kind = self._type(request.urn, context)
        inputs, old = _plain(request.news), _plain(request.olds)
        if kind.named and kind.named not in inputs:
            start = inputs.get(kind.prefix or "", f"{_name(request.urn)}-")
            inputs[kind.named] = old.get(kind.named) or f"{start}{request.randomSeed.hex()[:7]}"
        try:
            kind.check(inputs)
        except Refused as error:
            return protocol.CheckResponse(failures=[protocol.CheckFailure(reason=str(error))])
        return protocol.CheckResponse(inputs=_struct(inputs))

    def Diff(self, request: Any, context: Any) -> Any:
        """Say what differs between the inputs that there were and those that there are, and what replaces."""
        kind = self._type(request.urn, context)
        old, new = _plain(request.old_inputs), _plain(request.news)
        changed = sorted(key for key in old.keys() | new.keys() if not same(old.get(key), new.get(key)))
        changed = [key for key in changed if key not in request.ignoreChanges]
        replaces = _told(context, lambda: kind.replacing(old, new, changed)) if changed else []
        return protocol.DiffResponse(
            changes=protocol.DiffResponse.DIFF_SOME if changed else protocol.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            hasDetailedDiff=True,
            detailedDiff={key: _difference(key, old, new, key in replaces) for key in changed},
            deleteBeforeReplace=bool(replaces and kind.same_name(old, new)),
        )

    def Create(self, request: Any, context: Any) -> Any:
        """Make a resource."""
        kind, inputs = self._type(request.urn, context), _plain(request.properties)
        if request.preview:
            return protocol.CreateResponse(properties=request.properties)
        made = _told(context, lambda: kind.create(inputs))
        return protocol.CreateResponse(id=made, properties=self._ready(kind, made, inputs, request.timeout, context))

    def Read(self, request: Any, context: Any) -> Any:
        """Return a resource as it is; nothing where it is gone."""
        kind, inputs = self._type(request.urn, context), _plain(request.inputs)
        found = _told(context, lambda: kind.read(request.id, inputs))
        if found is None:
            return protocol.ReadResponse()
        properties = _struct({**found.inputs, **found.outputs})
        if reasons := _told(context, lambda: kind.unready(request.id, inputs)):
            _not_ready(context, request.id, properties, found.inputs, reasons)
        return protocol.ReadResponse(id=request.id, properties=properties, inputs=_struct(found.inputs))

    def Update(self, request: Any, context: Any) -> Any:
        """Change a resource."""
        kind = self._type(request.urn, context)
        old, new = _plain(request.old_inputs), _plain(request.news)
        if request.preview:
            return protocol.UpdateResponse(properties=_struct({**_plain(request.olds), **new}))
        _told(context, lambda: kind.update(request.id, old, new))
        return protocol.UpdateResponse(properties=self._ready(kind, request.id, new, request.timeout, context))

    def Delete(self, request: Any, context: Any) -> Any:
        """Remove a resource."""
        kind = self._type(request.urn, context)
        _told(context, lambda: kind.delete(request.id, _plain(request.old_inputs)))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        """Do nothing: nothing here takes long."""
        return empty_pb2.Empty()

    def _type(self, urn: str, context: Any) -> ResourceType:
        token = urn.split("::")[2].rpartition("$")[2]
        kind = self._types.get(token)
        if kind is None:
            _refuse(context, f"the type {token} is not implemented by this stand-in")
        return kind

    def _ready(self, kind: ResourceType, resource_id: str, inputs: Properties, within_s: float, context: Any) -> Any:
        """Wait until a resource is ready, and return its outputs. Where it never is, it is there all the same."""
        ends = time.monotonic() + (within_s or _READY_WITHIN_S)
        while reasons := _told(context, lambda: kind.unready(resource_id, inputs)):
            if time.monotonic() > ends:
                outputs = self._outputs(kind, resource_id, inputs, context)
                _not_ready(context, resource_id, outputs, inputs, reasons)
            time.sleep(_LOOK_AGAIN_S)
        return self._outputs(kind, resource_id, inputs, context)

    def _outputs(self, kind: ResourceType, resource_id: str, inputs: Properties, context: Any) -> Any:
        found = _told(context, lambda: kind.read(resource_id, inputs))
        if found is None:
            _refuse(context, f"{resource_id} was made, and is not there")
        return _struct({**inputs, **found.outputs})


def serve(provider: Provider) -> None:
    """Serve until whoever started this is gone; the first line of output is the port, as the engine expects it."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))  # by which the engine ends a provider
    parent = os.getppid()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # An engine that is killed ends nobody.
    while os.getppid() == parent:
        server.wait_for_termination(_ORPHANED_AFTER_S)
    server.stop(None)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same; two documents of JSON are, however they are written."""
    if isinstance(one, str) and isinstance(other, str) and one[:1] == other[:1] == "{":
        try:
            return bool(json.loads(one) == json.loads(other))
        except ValueError:
            return one == other
    return bool(one == other)


def has_unknown(value: Any) -> bool:
    """Whether something in a value is known only when what it comes from is made."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return bool(value == UNKNOWN)


def _difference(key: str, old: Properties, new: Properties, replaces: bool) -> Any:
    kind = "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
    if replaces:
        kind += "_REPLACE"
    return protocol.PropertyDiff(kind=protocol.PropertyDiff.Kind.Value(kind), inputDiff=True)


def _told(context: Any, ask: Callable[[], Result]) -> Result:
    """Do something, and give the engine the message of whatever fails."""
    try:
        return ask()
    except Exception as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error) or type(error).__name__)
        raise AssertionError("abort raises") from error


@dataclass(frozen=True)
class _Ended(grpc.Status):  # type: ignore[misc]
    """How a call ends, as gRPC takes it."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def _not_ready(context: Any, resource_id: str, outputs: Any, inputs: Properties, reasons: list[str]) -> NoReturn:
    """Say that a resource is there and not ready: the engine records it, and goes on from there the next time.

    It is an error with details, of the form ``google.rpc.Status`` (https://grpc.io/docs/guides/error/).
    """
    # The engine tells the reasons, and nothing else.
    reasons = [f"{resource_id} was made, and is not ready: {reason}" for reason in reasons]
    said = "; ".join(reasons)
    detail = any_pb2.Any()
    detail.Pack(
        protocol.ErrorResourceInitFailed(id=resource_id, properties=outputs, reasons=reasons, inputs=_struct(inputs))
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=said, details=[detail])
    context.abort_with_status(
        _Ended(grpc.StatusCode.UNKNOWN, said, (("grpc-status-details-bin", status.SerializeToString()),))
    )
    raise AssertionError("abort raises")


def _refuse(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
    raise AssertionError("abort raises")


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _plain(struct: Any) -> Properties:
    found = _whole_numbers(MessageToDict(struct))
    assert isinstance(found, dict)
    return {key: value for key, value in found.items() if not key.startswith("__") and value is not None}


def _whole_numbers(value: Any) -> Any:
    """Make the numbers of a protobuf Struct, all of which are floating, whole where they are."""
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _struct(value: Properties) -> Any:
    return ParseDict(value, struct_pb2.Struct())
