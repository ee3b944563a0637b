"""Approvals by the user that they name, which are never changed."""

from tests.integration.policies.cases import OPERATOR, Case, Table
from tests.integration.policies.objects import DIGEST, named
from tests.integration.policies.server import Json

ALICE, BOB = "alice@example.com", "bob@example.com"


def _approval(user: str, name: str = "a") -> Json:
    spec = {"strategyRef": {"name": "hold"}, "configuration": DIGEST, "user": user, "bundle": "{}"}
    return named("Approval", name, spec)


APPROVALS = Table(
    "approvals",
    "tradeplane-approvals",
    labels={},
    standing=(_approval(BOB, "standing"),),
    cases=(
        Case("by who it names", _approval(ALICE)),
        Case("by another", _approval(BOB), "an approval is created by the user who approves"),
        Case("by another, as the operator", _approval(BOB), "an approval is created by", OPERATOR),
        Case("labelled by another", named("Approval", "standing", {}, labels={"a": "b"}), of="standing"),
        # The schema of the kind says the same, and says it first.
        Case("changed", named("Approval", "standing", {"user": ALICE}), "an approval is never changed", of="standing"),
        Case(
            "changed, whatever the schema says",
            named("Approval", "standing", {"user": ALICE}),
            "never changed; delete it",
            of="standing",
            lax=True,
        ),
        Case(
            "labelled, whatever the schema says",
            named("Approval", "standing", {}, labels={"a": "b"}),
            of="standing",
            lax=True,
        ),
        Case(
            "its status, by the operator",
            {**named("Approval", "standing", {}), "status": {"observedGeneration": 1}},
            user=OPERATOR,
            of="standing",
            subresource="status",
        ),
    ),
)
