"""Namespaces of tenants, and what is in them."""

from collections.abc import Mapping

from tests.integration.policies.cases import MISSING, OPERATOR, TENANT_LABEL, Case, Table
from tests.integration.policies.objects import named, pod, strategy
from tests.integration.policies.server import Json

_GUARDED = {TENANT_LABEL: "acme", "pod-security.kubernetes.io/enforce": "restricted", "tradeplane.dev/runs": "guarded"}
_LABELS = {"pod-security.kubernetes.io/enforce": "restricted", "tradeplane.dev/runs": "guarded"}
_GOOD, _NAME = "for good", "must be the name of a tenant"


def _namespace(labels: Mapping[str, str | None], name: str = "research") -> Json:
    """Return a namespace of a tenant; a label of None is taken out, or, in a patch, taken away."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def _made(name: str = "research", **changes: str | None) -> Json:
    asked = {"tenant": TENANT_LABEL, "security": "pod-security.kubernetes.io/enforce", "runs": "tradeplane.dev/runs"}
    labels: dict[str, str | None] = {**_GUARDED, **{asked[key]: value for key, value in changes.items()}}
    return _namespace({key: value for key, value in labels.items() if value is not None}, name)


def _patched(labels: Mapping[str, str | None]) -> Json:
    body = _namespace(labels)
    del body["metadata"]["name"]
    return body


NAMESPACES = Table(
    "tenancy",
    "tradeplane-tenant-namespaces",
    labels={},
    parameters={"given": {"tenancy": {"labels": _LABELS}}, "nothing": {}},
    standing=(_namespace(_GUARDED, "tenant"), _namespace({}, "nobody")),
    cases=(
        Case("of a tenant", _made()),
        Case("of nobody", _namespace({})),
        Case("of a tenant without Pod Security", _made(security=None), "must have the label pod-security"),
        Case("of a tenant with another Pod Security", _made(security="baseline"), "must have the label pod-security"),
        Case("of a tenant whose runs are not guarded", _made(runs=None), "must have the label tradeplane.dev/runs"),
        Case("of a tenant with labels alone", _namespace({TENANT_LABEL: "acme"}), "must have the label"),
        *(Case(f"of the tenant {name!r}", _made(tenant=name), _NAME) for name in ("", "Acme", "a.b", "a_b")),
        Case("of a tenant of one letter", _made(tenant="a")),
        Case("of a tenant of 63 letters", _made(tenant="a" * 63)),
        *(
            Case(f"of a tenant, by the name {name}", _made(name), "is the system's")
            for name in ("kube-system", "kube-other", "default", "tradeplane-system")
        ),
        Case("becomes a tenant's", _patched(_GUARDED), of="nobody"),
        Case("becomes a tenant's, unguarded", _patched({TENANT_LABEL: "acme"}), "must have", of="nobody"),
        Case("stays a tenant's", _patched({"team": "a"}), of="tenant"),
        Case("becomes another's", _patched({TENANT_LABEL: "other"}), _GOOD, of="tenant"),
        Case("becomes nobody's", _patched({TENANT_LABEL: None}), _GOOD, of="tenant"),
        Case("is guarded no longer", _patched({"tradeplane.dev/runs": None}), "must have", of="tenant"),
        Case("no parameters", _made(), "no params found", given=MISSING),
        Case("no parameters, of nobody", _namespace({}), given=MISSING),
        Case("no parameters, of nobody, labelled", _patched({"team": "a"}), given=MISSING, of="nobody"),
        Case("nothing said", _made(), "say nothing of labels", given="nothing"),
    ),
)

_NO_TENANT, _ANOTHER = "is of no tenant", "leave the label out, or say the same"


def _snapshot(name: str = "prices") -> Json:
    return named("Snapshot", name, {"digest": "sha256:" + "b" * 64})


OBJECTS = Table(
    "tenancy",
    "tradeplane-tenant-objects",
    standing=(strategy("standing"), strategy("wrong", labels={TENANT_LABEL: "other"})),
    cases=(
        Case("a Strategy of a tenant", strategy()),
        Case("a Snapshot of a tenant", _snapshot()),
        Case("that says so", strategy(labels={TENANT_LABEL: "acme"})),
        Case("that says otherwise", strategy(labels={TENANT_LABEL: "other"}), _ANOTHER),
        Case("that says nothing", strategy(labels={TENANT_LABEL: ""}), _ANOTHER),
        Case(
            "is labelled otherwise",
            named("Strategy", "standing", {}, labels={TENANT_LABEL: "other"}),
            _ANOTHER,
            of="standing",
        ),
        Case("is labelled so", named("Strategy", "standing", {}, labels={TENANT_LABEL: "acme"}), of="standing"),
        Case("is suspended, though it says otherwise", named("Strategy", "wrong", {"suspend": True}), of="wrong"),
        Case(
            "is labelled anew, though it says otherwise",
            named("Strategy", "wrong", {}, labels={TENANT_LABEL: "third"}),
            _ANOTHER,
            of="wrong",
        ),
        Case("a Strategy of nobody", strategy(), _NO_TENANT, outside=True),
        Case("a Snapshot of nobody", _snapshot(), _NO_TENANT, outside=True),
        Case("a Snapshot of nobody by the operator", _snapshot(), outside=True, user=OPERATOR),
        Case(
            "by one of the operator's name elsewhere",
            _snapshot(),
            _NO_TENANT,
            outside=True,
            user="system:serviceaccount:elsewhere:tradeplane-operator",
        ),
        Case(
            "one of nobody is suspended", named("Strategy", "standing", {"suspend": True}), of="standing", outside=True
        ),
        Case("a pod of nobody", pod(), outside=True),
    ),
)
