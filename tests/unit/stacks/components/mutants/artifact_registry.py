"""How each security setting of ArtifactRegistry could be weakened."""

import tests.unit.stacks.components.loaded  # noqa: F401 -- for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_artifact_registry.py",)

MUTANTS: tuple[Weakening, ...] = (
    ('"BASIC": "SCAN_ON_PUSH"', '"BASIC": "MANUAL"', 0),
    ('"ENHANCED": "CONTINUOUS_SCAN"', '"ENHANCED": "MANUAL"', 0),
    ("self._tags = required_tags(stack, config.ownership)", "self._tags = {}", 0),
    ("policy=operator_policy(config)", 'policy="{}"', 0),
    ("            self._scan(region)\n", "", 0),
    ("if len(config.regions) > 1 else ()", "if False else ()", 0),
    ("assume_role_policy=creation_trust()", 'assume_role_policy="{}"', 0),
    ("policy=creation_policy(self._config)", 'policy="{}"', 0),
    ('image_tag_mutability="IMMUTABLE"', 'image_tag_mutability="MUTABLE"', 0),
    ('image_tag_mutability="IMMUTABLE"', 'image_tag_mutability="MUTABLE"', 1),
    ("scan_on_push=True", "scan_on_push=False", 0),
    ('encryption_type="KMS", kms_key=key.arn', 'encryption_type="KMS"', 0),
    ('encryption_type="KMS", kms_key=key.arn', 'encryption_type="KMS"', 1),
    ('encryption_type="KMS"', 'encryption_type="AES256"', 0),
    ('encryption_type="KMS"', 'encryption_type="AES256"', 1),
    ("force_delete=False", "force_delete=True", 0),
    ("parent=self, protect=True", "parent=self", 0),
    ("policy=images_policy(self._config)", 'policy="{}"', 0),
    ("repository_policy=results_policy(self._config)", 'repository_policy="{}"', 0),
    ('applied_fors=["CREATE_ON_PUSH", "REPLICATION"]', 'applied_fors=["CREATE_ON_PUSH"]', 0),
    ('applied_fors=["CREATE_ON_PUSH", "REPLICATION"]', 'applied_fors=["REPLICATION"]', 0),
    ("            custom_role_arn=creation.arn,\n", "", 0),
    ("            resource_tags=self._tags,\n", "", 0),
    ("scan_type=scanning", 'scan_type="BASIC"', 0),
    (
        'filter_type="WILDCARD")\n            for image in self._config.images',
        'filter_type="WILDCARD")\n            for image in self._config.images[:1]',
        0,
    ),
    ("if other != region", "if other > region", 0),
    ('(*config.images, f"{config.results}/")', "config.images", 0),
    ('(*config.images, f"{config.results}/")', '(f"{config.results}/",)', 0),
    ("depends_on=made", "depends_on=[]", 0),
    ("            region=region,\n", "", 0),
    ("            region=region,\n", "", 1),
    ("            region=region,\n", "", 2),
    ("            region=region,\n", "", 3),
    ("            region=region,\n", "", 4),
)
