"""How what a platform may be made by could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_config.py", "../../../integration/stacks/test_rendered_platform.py")

MUTANTS: tuple[Weakening, ...] = (
    ('checksum: Literal["SHA256"]', "checksum: str", 0),
    ("operator: ImageByDigest", "operator: str", 0),
    ("workloads: ImageByDigest", "workloads: str", 0),
    (r'r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/(', 'r"^.*(', 0),
    ('= "role"', '= "secret"', 0),
    ("name in _SYSTEM or ", "", 0),
    ('("default", "tradeplane-system")', '("tradeplane-system",)', 0),
    ('("default", "tradeplane-system")', '("default",)', 0),
    (' or name.startswith("kube-")', "", 0),
    ("name: KubernetesName", "name: str", 0),
    ("tenant: KubernetesName | None", "tenant: str | None", 0),
    ('= "small"', '= "large"', 0),
    ("brokers: bool = False", "brokers: bool = True", 0),
    ("runner_role: RoleArn | None", "runner_role: str | None", 0),
    ("operator_role: RoleArn | None", "operator_role: str | None", 0),
    ("Field(min_length=1, max_length=64)", "Field(max_length=64)", 0),
    ("protected: bool = True", "protected: bool = False", 0),
    ("names.count(name) > 1", "False", 0),
    ("(f\"{repository.rpartition('/')[0]}/\",)", "(f\"{repository.partition('/')[0]}/\",)", 0),
    ("Field(ge=10, le=3600)", "Field()", 0),
    (r'r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"', 'r"^.+$"', 0),
    ("removal: bool = False", "removal: bool = True", 0),
    ("queue: bool = False", "queue: bool = True", 0),
    ("verified_images: bool = False", "verified_images: bool = True", 0),
    ("= POLICIES\n", "= ()\n", 0),
    ('"policies": [*self.policies]', '"policies": []', 0),
    ('if namespace.tenant is None and "tenancy" in self.policies', "if False", 0),
    ("if namespace.queue and self.queues is None", "if False", 0),
    ('namespace.tenant is not None and "runs" in self.policies', "False", 0),
    ("if namespace.verified_images and self.images.attested is None", "if False", 0),
    ('if namespace.verified_images and "verified-images" not in self.policies', "if False", 0),
    ("if strange := sorted({*rule.namespaces} - known)", "if strange := sorted(set())", 0),
    ("isinstance(self.ledger.heads, VolumeHeads) and isinstance(self.store, S3Store)", "False", 0),
    ("self.queues.workers and self.evidence is not None", "False", 0),
    ("name: RegionName", "name: str", 0),
    ('r"^[A-Za-z0-9_.-]{3,255}$"', 'r"^.+$"', 0),
    (
        "table_regions: Annotated[tuple[RegionName, ...], Field(min_length=1)]",
        "table_regions: tuple[RegionName, ...]",
        0,
    ),
    ("Field(ge=10, le=300)", "Field(le=300)", 0),
    ('quota: Literal["none", "small", "large"] = "small"', 'quota: Literal["none", "small", "large"] = "none"', 0),
    ("pod_identity: bool = False", "pod_identity: bool = True", 0),
    ('serves: Serves = "cluster"', 'serves: Serves = "namespaces"', 0),
    ('self.serves == "namespaces" and not self.namespaces', "False", 0),
    ('self.serves == "namespaces" and self.ledger is not None', "False", 0),
)
