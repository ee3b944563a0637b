"""What a table of a policy says: what is asked of the API server, by whom, and whether the policy lets it through.

A table is run on the policy as it is, and on every weakening of it (``weakened.py``): one that no case notices would be
a rule that nobody tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.policies.server import Json

GIVEN, MISSING = "given", "missing"
TENANT_LABEL = "tradeplane.dev/tenant"
OPERATOR = "system:serviceaccount:tradeplane-system:tradeplane-operator"
JOB_CONTROLLER = "system:serviceaccount:kube-system:job-controller"
ADMINISTRATORS = "system:masters"
"""Whoever asks is in this group too, where a table says no other: tested is admission, and not what roles permit."""
EDITORS = "trials:editors"
"""Who may do anything in a namespace, and nothing to it."""
NAMESPACE_ADMINISTRATORS = "trials:namespace-administrators"
"""Who may change namespaces."""


@dataclass(frozen=True)
class Case:
    """One request.

    ``body`` is an object to be created or, with ``of``, a merge patch of the standing object of that name. ``refused``
    are words of the refusal; empty where it is let through. ``given`` names parameters of the table. ``outside``: in a
    namespace that has none of the table's labels. ``lax``: of a kind that is named as ours and takes any specification,
    for a policy holds whatever the schema says. ``verb``: what is done to ``of``. ``ends``: words by which the API
    server ends what was let through, as there is no kubelet.
    """

    name: str
    body: Json
    refused: str = ""
    user: str = "alice@example.com"
    groups: tuple[str, ...] = ()
    given: str = GIVEN
    of: str = ""
    subresource: str = ""
    outside: bool = False
    lax: bool = False
    verb: Literal["PATCH", "DELETE", "CONNECT"] = "PATCH"
    ends: str = ""


@dataclass(frozen=True)
class Table:
    """The cases of one policy.

    ``directory``: below ``policies/admission``. ``parameters``: what it is tried with, by name: specifications of
    AdmissionParameters, or data of a ConfigMap; of the name ``missing`` there are none. ``standing``: objects that are
    there before the policy is. ``labels``: of the namespaces that it is for. ``within``: the group of whoever asks.
    """

    directory: str
    policy: str
    cases: tuple[Case, ...]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    standing: tuple[Json, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: {TENANT_LABEL: "acme"})
    within: str = ADMINISTRATORS

    def given(self) -> tuple[str, ...]:
        """Return the names of the parameters that cases ask for, without doubles."""
        return tuple(dict.fromkeys(case.given for case in self.cases))
