"""Which Graviton instance families a region offers, so that a node group that could never start is refused beforehand.

AWS tells it only to those who have an account there, and a node group of a type that is not offered fails after the
cluster was made, twenty minutes on. The table is of families: not every size is in every zone, and what is offered
may still be sold out.

Source: DescribeInstanceTypeOfferings of EC2 by location type ``region``, as recorded in moto 5.2.5
(``moto/ec2/resources/instance_type_offerings/region``), read on 2026-11-29. Families without local disks, and those
with them, of general purpose, compute and memory (c, m, r), and t4g; others are left out to keep it short.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# Of AWS's names, those of arm64: the letter g follows the generation's number (m7g, c8gn, im4gn); a1 came before that.
_ARM64 = re.compile(r"(?:[a-z]+[0-9]+g[a-z]*|a1)\.[a-z0-9-]+")

INSTANCE_TYPE = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"
"""How AWS writes an instance type: family, dot, size."""

OFFERED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        region: frozenset(families.split())
        for region, families in {
            "af-south-1": "c6g c6gd c7g c8g m6g m6gd m7g m8g r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-east-1": "c6g c7g c8g m6g m6gd m7g m8g r6g r7g r7gd r8g r8gd t4g",
            "ap-northeast-1": "c6g c6gd c7g c7gd c8g c8gd c9g c9gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-northeast-2": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m7gd m8g r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-northeast-3": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m8g r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-south-1": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m7gd m8g m8gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-south-2": "c6g c7g c8g m6g m6gd m7g m8g r6g r7g r7gd r8g t4g",
            "ap-southeast-1": "c6g c6gd c7g c7gd c8g c8gd "
            "m6g m6gd m7g m7gd m8g m9g m9gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-southeast-2": "c6g c6gd c7g c7gd c8g c8gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-southeast-3": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m8g r6g r6gd r7g r7gd r8g r8gd t4g",
            "ap-southeast-4": "c6g c8g m6g m6gd m7g m8g m8gd r6g r7g r8g r8gd t4g",
            "ap-southeast-5": "c6g c7g c7gd c8g c8gd m6g m6gd m7g m7gd m8g m8gd r6g r7g r7gd r8g r8gd t4g",
            "ca-central-1": "c6g c6gd c7g c7gd c8g c8gd m6g m6gd m7g m8g m8gd r6g r6gd r7g r8g r8gd t4g",
            "ca-west-1": "c6g c7g c8g m6g m6gd m8g r6g r7g r8g r8gd t4g",
            "eu-central-1": "c6g c6gd c7g c7gd c8g c8gd c9g c9gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd r9g r9gd t4g",
            "eu-central-2": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m8g r6g r6gd r7g r8g r8gd t4g",
            "eu-north-1": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m7gd m8g r6g r6gd r7g r7gd r8g r8gd t4g",
            "eu-south-1": "c6g c7g c8g m6g m6gd m8g r6g r7g r7gd r8g r8gd t4g",
            "eu-south-2": "c6g c6gd c7g c7gd c8g c8gd m6g m6gd m7g m7gd m8g m8gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "eu-west-1": "c6g c6gd c7g c7gd c8g c8gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "eu-west-2": "c6g c6gd c7g c7gd c8g c8gd m6g m6gd m7g m7gd m8g m8gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "eu-west-3": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m7gd m8g m8gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "il-central-1": "c6g c7g c8g m6g m6gd m7g r6g r7g r7gd t4g",
            "me-central-1": "c6g m6g m6gd m7g m7gd m8g r6g r7g r7gd r8g",
            "me-south-1": "c6g c7g m6g m6gd m7g m8g r6g r7g t4g",
            "sa-east-1": "c6g c6gd c7g c7gd c8g c8gd m6g m6gd m7g m7gd m8g m8gd r6g r6gd r7g r7gd r8g r8gd t4g",
            "us-east-1": "c6g c6gd c7g c7gd c8g c8gd c9g c9gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd r9g r9gd t4g",
            "us-east-2": "c6g c6gd c7g c7gd c8g c8gd c9g c9gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd r9g r9gd t4g",
            "us-west-1": "c6g c6gd c7g c7gd c8g m6g m6gd m7g m7gd m8g r6g r6gd r7g r7gd r8g r8gd t4g",
            "us-west-2": "c6g c6gd c7g c7gd c8g c8gd c9g c9gd "
            "m6g m6gd m7g m7gd m8g m8gd m9g m9gd r6g r6gd r7g r7gd r8g r8gd r9g r9gd t4g",
        }.items()
    }
)
"""The Graviton families of each region."""


def is_arm64(instance_type: str) -> bool:
    """Tell whether an instance type is of Graviton, by its name."""
    return _ARM64.fullmatch(instance_type) is not None


def refuse_unoffered(region: str, instance_types: Iterable[str]) -> None:
    """Refuse arm64 instance types that a region does not offer, by ValueError that says what it does offer."""
    offered = OFFERED.get(region)
    if offered is None:
        raise ValueError(
            f"region {region} is not in the table of Graviton capacity; if `aws ec2 describe-instance-type-offerings "
            f"--region {region}` has Graviton families, add them to OFFERED in {__name__}"
        )
    for instance_type in instance_types:
        if not is_arm64(instance_type):
            raise ValueError(f"{instance_type} is no arm64 (Graviton) instance type; {_told(region, offered)}")
        if instance_type.partition(".")[0] not in offered:
            raise ValueError(f"region {region} offers no {instance_type}; {_told(region, offered)}")


def _told(region: str, offered: frozenset[str]) -> str:
    return f"{region} offers {', '.join(sorted(offered))}"
