"""The processor, stated."""

from typing import Any

from tests.integration.policies.cases import MISSING, Case, Table
from tests.integration.policies.objects import named, pod, strategy
from tests.integration.policies.server import Json

_ARCH = "kubernetes.io/arch"
_REFUSED = "must state its processor"
_PARAMETERS: dict[str, Json] = {
    "given": {"architectures": ["amd64", "arm64"]},
    "any": {"architectures": ["Any", "amd64"]},
    "none": {"architectures": []},
    "nothing": {},
}


def _selects(value: str, key: str = _ARCH) -> Json:
    return pod(nodeSelector={key: value})


def _one(*values: str, key: str = _ARCH, operator: str = "In") -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


def _required(*terms: list[Json] | None) -> Json:
    """Return a pod of a required node affinity; a term of None is one of fields."""
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n"]}]
    made: list[dict[str, Any]] = [
        {"matchFields": fields} if term is None else {"matchExpressions": term} for term in terms
    ]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": made}}}
    return pod(nodeSelector=None, affinity=affinity)


_PREFERRED = pod(
    nodeSelector=None,
    affinity={
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [_one("amd64")]}}
            ]
        }
    },
)
_ZONE = _one("a", key="topology.kubernetes.io/zone")
_OURS = pod(labels={"app.kubernetes.io/managed-by": "tradeplane"}, nodeSelector=None)
_THEIRS = pod(labels={"app.kubernetes.io/managed-by": "helm"}, nodeSelector=None)

PODS = Table(
    "architectures",
    "tradeplane-pod-architectures",
    parameters=_PARAMETERS,
    cases=(
        Case("by selector", _selects("arm64")),
        Case("of the operator", _OURS),
        Case("of somebody else's tool", _THEIRS, _REFUSED),
        Case("no word of it", pod(nodeSelector=None), _REFUSED),
        Case("another processor", _selects("s390x"), _REFUSED),
        Case("nothing", _selects(""), _REFUSED),
        Case("by another key", _selects("amd64", "example.com/arch"), _REFUSED),
        Case("by affinity", _required([_ZONE, _one("amd64", "arm64")], [_one("arm64")])),
        Case("by affinity, another processor too", _required([_one("amd64", "s390x")]), _REFUSED),
        Case("by affinity, in one term alone", _required([_one("amd64")], [_ZONE]), _REFUSED),
        Case("by affinity, of fields alone", _required(None), _REFUSED),
        Case("by affinity, what it is not", _required([_one("amd64", operator="NotIn")]), _REFUSED),
        Case("by affinity, of another key", _required([_one("amd64", key="example.com/arch")]), _REFUSED),
        Case("by affinity that is preferred", _PREFERRED, _REFUSED),
        Case("in a namespace of nobody", pod(nodeSelector=None), outside=True),
        Case("no parameters", pod(), "no params found", given=MISSING),
        Case("none named", pod(), _REFUSED, given="none"),
        Case("none named, and none stated", pod(nodeSelector=None), _REFUSED, given="none"),
        Case("nothing said", pod(), _REFUSED, given="nothing"),
    ),
)

_STATE = "spec.architecture must state the processor"
STRATEGIES = Table(
    "architectures",
    "tradeplane-strategy-architectures",
    parameters=_PARAMETERS,
    standing=(strategy("standing"), strategy("old", architecture="Any")),
    cases=(
        Case("stated", strategy(architecture="arm64")),
        Case("Any", strategy(architecture="Any"), _STATE),
        Case("not stated", strategy(architecture=None), _STATE),
        Case("not stated, whatever the schema says", strategy(architecture=None), _STATE, lax=True),
        Case("not stated, where Any is among them", strategy(architecture=None), given="any", lax=True),
        Case("changed to Any", named("Strategy", "standing", {"architecture": "Any"}), _STATE, of="standing"),
        Case("one that was there is suspended", named("Strategy", "old", {"suspend": True}), of="old"),
        Case("in a namespace of nobody", strategy(architecture="Any"), outside=True),
        Case("Any, where that is among them", strategy(architecture="Any"), given="any"),
        Case("one that is not among them", strategy(architecture="arm64"), _STATE, given="any"),
        Case("none named", strategy(), _STATE, given="none"),
        Case("nothing said", strategy(), _STATE, given="nothing"),
        Case("no parameters", strategy(architecture="Any"), given=MISSING),
    ),
)
