"""Resources that are stated, and bounded."""

from typing import Any

from tests.integration.policies.cases import MISSING, Case, Table
from tests.integration.policies.objects import container, named, pod, strategy
from tests.integration.policies.server import Json

_STATED, _CPU, _MEMORY = "must state", "and use 2 processors", "and use 1Gi of memory"
_PARAMETERS: dict[str, Json] = {"given": {"resources": {"maxCpu": "2", "maxMemory": "1Gi"}}, "nothing": {}}


def _resources(**changes: Any) -> Json:
    """Return resources at their bounds; requests__cpu="1" changes one, and None takes it out."""
    stated: dict[str, Json] = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
    for name, value in changes.items():
        part, resource = name.split("__")
        if value is None:
            del stated[part][resource]
        else:
            stated[part][resource] = value
    return stated


def _pod(**changes: Any) -> Json:
    return pod(container(resources=_resources(**changes)))


def _init(**changes: Any) -> Json:
    return pod(initContainers=[container("i", resources=_resources(**changes))])


_SMALL = _resources(requests__cpu="1", requests__memory="1Mi")
"""What may be resized in any direction."""


def _resized(**changes: Any) -> Json:
    return named("Pod", "standing", {"containers": [{**container(), "resources": _resources(**changes)}]}, "v1")


PODS = Table(
    "resources",
    "tradeplane-pod-resources",
    parameters=_PARAMETERS,
    standing=(pod(container(resources=_SMALL), name="standing"),),
    cases=(
        Case("at the bounds", _pod()),
        Case("no limit of processors", _pod(limits__cpu=None)),
        Case("more than one container at the bounds", pod(container("a"), container("b", resources=_resources()))),
        Case("an init container at the bounds", _init()),
        Case("no resources", pod(container(resources=None)), _STATED),
        Case("no requests", pod(container(resources={"limits": {"memory": "1Mi"}})), _STATED),
        Case("no processors", _pod(requests__cpu=None, limits__cpu=None), _STATED),
        Case("no memory", _pod(requests__memory=None, limits__memory=None), _STATED),
        Case("no limit of memory", _pod(limits__memory=None), _STATED),
        Case("an init container that states nothing", pod(initContainers=[container("i", resources=None)]), _STATED),
        Case("processors", _pod(requests__cpu="2001m", limits__cpu="2001m"), _CPU),
        Case("a limit of processors", _pod(limits__cpu="2001m"), _CPU),
        Case("a request of processors alone", _pod(requests__cpu="2001m", limits__cpu=None), _CPU),
        Case("memory", _pod(requests__memory="1073741825", limits__memory="1073741825"), _MEMORY),
        Case("a limit of memory", _pod(limits__memory="1073741825"), _MEMORY),
        Case("in other units", _pod(requests__cpu="0.002k", limits__cpu="2e0", limits__memory="1048576Ki")),
        Case("an init container's processors", _init(limits__cpu="3"), _CPU),
        Case("an init container's memory", _init(limits__memory="2Gi"), _MEMORY),
        Case(
            "the second container's memory",
            pod(container(), container("b", resources=_resources(limits__memory="2Gi"))),
            _MEMORY,
        ),
        Case("the pod as a whole, of processors", pod(resources=_resources(requests__cpu="3", limits__cpu="3")), _CPU),
        Case("the pod as a whole, of memory", pod(resources=_resources(limits__memory="2Gi")), _MEMORY),
        Case("the pod as a whole, of memory it asks for", pod(resources={"requests": {"memory": "2Gi"}}), _MEMORY),
        Case("the pod as a whole, at the bounds", pod(resources=_resources())),
        Case("resized above", _resized(limits__cpu="3"), _CPU, of="standing", subresource="resize"),
        Case("resized above in memory", _resized(limits__memory="2Gi"), _MEMORY, of="standing", subresource="resize"),
        Case("resized", _resized(requests__memory="2Mi", requests__cpu="1"), of="standing", subresource="resize"),
        Case("in a namespace of nobody", pod(container(resources=None)), outside=True),
        Case("no parameters", _pod(), "no params found", given=MISSING),
        Case("nothing said of bounds", _pod(), "and use 0 processors", given="nothing"),
        Case(
            "nothing said of bounds, of memory alone",
            pod(container(resources=_resources(requests__cpu="0", limits__cpu="0"))),
            "and use 0 of memory",
            given="nothing",
        ),
        Case(
            "a label without parameters",
            named("Pod", "standing", {}, "v1", labels={"a": "b"}),
            of="standing",
            given=MISSING,
        ),
    ),
)


def _kinds(resources: Json) -> tuple[Json, ...]:
    capture = {"source": {"connectionRef": {"name": "b"}, "instruments": ["BTCUSDT"]}, "resources": resources}
    return (
        strategy(resources=resources),
        named("Replay", "again", {"strategyRef": {"name": "macd"}, "resources": resources}),
        named("SnapshotCapture", "book", capture),
    )


def _cases(name: str, resources: Json, refused: str = "") -> tuple[Case, ...]:
    return tuple(Case(f"{name}, of a {body['kind']}", body, refused) for body in _kinds(resources))


_KIND_CPU, _KIND_MEMORY = "and allow 2 processors", "and allow 1Gi of memory"
_KIND_STATED = "spec.resources must state"

KINDS = Table(
    "resources",
    "tradeplane-kind-resources",
    parameters=_PARAMETERS,
    standing=(strategy("standing"), strategy("old", resources=_resources(limits__memory="2Gi"))),
    cases=(
        *_cases("at the bounds", _resources()),
        *_cases("no limit of processors", _resources(limits__cpu=None)),
        *_cases("a limit of memory", _resources(limits__memory="1.001Gi"), _KIND_MEMORY),
        Case("the defaults", strategy()),
        Case("memory", strategy(resources=_resources(requests__memory="2Gi", limits__memory="2Gi")), _KIND_MEMORY),
        Case("a limit of processors", strategy(resources=_resources(limits__cpu="2001m")), _KIND_CPU),
        Case(
            "a request of processors alone",
            strategy(resources=_resources(requests__cpu="2001m", limits__cpu=None)),
            _KIND_CPU,
        ),
        Case("no limit of memory", strategy(resources=_resources(limits__memory=None)), _KIND_STATED),
        Case("no request of memory", strategy(resources=_resources(requests__memory=None)), _KIND_STATED),
        Case("no request of processors", strategy(resources=_resources(requests__cpu=None)), _KIND_STATED),
        Case(
            "raised",
            named("Strategy", "standing", {"resources": _resources(limits__cpu="3")}),
            _KIND_CPU,
            of="standing",
        ),
        Case("one that was there is suspended", named("Strategy", "old", {"suspend": True}), of="old"),
        Case("in a namespace of nobody", strategy(resources=_resources(limits__memory="2Gi")), outside=True),
        Case("nothing said of bounds", strategy(), "and allow 0 processors", given="nothing"),
        Case(
            "nothing said of bounds, of memory alone",
            strategy(resources=_resources(requests__cpu="0", limits__cpu="0")),
            "and allow 0 of memory",
            given="nothing",
        ),
        Case("no parameters, and pods are refused", strategy(resources=_resources(limits__cpu="3")), given=MISSING),
    ),
)
