"""How what a platform of several regions may be made by could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_in_regions.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("@sha256:[0-9a-f]{64}$", "(@sha256:[0-9a-f]{64})?$", 0),
    ("operator: RepositoryByDigest", "operator: str", 0),
    ("workloads: RepositoryByDigest", "workloads: str", 0),
    ("operator_role: RoleArn", "operator_role: str", 0),
    ("account: AccountId", "account: str", 0),
    ("tuple[Region, ...], Field(min_length=1)", "tuple[Region, ...], Field()", 0),
    ("tuple[Region, ...]", "tuple[str, ...]", 0),
    ("protected: bool = True", "protected: bool = False", 0),
    ("check_regions(self.regions, (self.operator_role,))", "pass", 0),
    ("if namespace.runner_role is not None", "if False", 0),
    ("**self.evidence.model_dump()", "", 0),
    ("**{field: getattr(self, field) for field in same},", "", 0),
    ('"attested": self.images.attested', '"attested": None', 0),
    ('"failover": told.failover', '"failover": None', 0),
    ('"ledger": told.ledger', '"ledger": None', 0),
    ('"pod_identity": True', '"pod_identity": False', 0),
    ("registry=told.results", 'registry="registry.example/runs"', 0),
    ("signer=told.signer", 'signer="file:/etc/tradeplane-signing/key.pem"', 0),
    ("if not slash or not _HOST.fullmatch(host)", "if False", 0),
    ("not slash or ", "", 0),
)
