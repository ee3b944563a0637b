"""Versions of Kubernetes that EKS is known to have, so that one that it has not is refused before anything is made.

Source: Amazon EKS User Guide, "Understand the Kubernetes version lifecycle on EKS", release calendar, and
endoflife.date/amazon-eks; read on 2026-11-29. A newer one is added once `aws eks describe-cluster-versions` has it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator

STANDARD_SUPPORT_UNTIL: Mapping[str, str] = MappingProxyType({"1.34": "2026-12-02", "1.35": "2027-03-27"})
"""When standard support of each version ends; by then EKS upgrades by itself, unless extended support is paid for."""


def known(version: str) -> str:
    """Refuse a version that is not in the table."""
    if version not in STANDARD_SUPPORT_UNTIL:
        raise ValueError(
            f"{version!r} is not among the versions of EKS that are known here, {', '.join(STANDARD_SUPPORT_UNTIL)}; "
            f"a newer one is to be added to {__name__}"
        )
    return version


KubernetesVersion = Annotated[str, AfterValidator(known)]
