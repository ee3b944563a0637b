"""Which objects of the cluster decide what may be run there: admission policies of ours, and what they go by. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PART_OF = ("app.kubernetes.io/part-of", "tradeplane")
"""The label of policies and bindings of ours: whoever writes one that is to be recorded gives it that."""


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """A kind of the cluster. ``labelled``: whether only what has the label is ours."""

    group: str
    version: str
    kind: str
    plural: str
    labelled: bool

    @property
    def api_version(self) -> str:
        """Group and version."""
        return f"{self.group}/{self.version}"

    def is_ours(self, metadata: Mapping[str, Any]) -> bool:
        """Say whether an object of the kind is one of ours."""
        name, value = PART_OF
        return not self.labelled or (metadata.get("labels") or {}).get(name) == value


POLICY_KINDS = (
    PolicyKind(
        "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", labelled=True
    ),
    PolicyKind(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        labelled=True,
    ),
    PolicyKind("policies.tradeplane.dev", "v1alpha1", "AdmissionParameters", "admissionparameters", labelled=False),
)
