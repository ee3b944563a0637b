"""How what a platform may be made by could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_config.py", "../../../integration/stacks/test_rendered_platform.py")

MUTANTS: tuple[Weakening, ...] = (
    ("operator: ImageByDigest", "operator: str", 0),
    ("workloads: ImageByDigest", "workloads: str", 0),
    (r"file:/etc/tradeplane-signing/key\.pem|", "file:/.+|", 0),
    ("awskms:///[A-Za-z0-9:/_-]+", "[a-z]+://.+", 0),
    (r'r"^[A-Za-z0-9.\[\]:-]+(', 'r"^.+(', 0),
    (r'r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/(', 'r"^.*(', 0),
    ('r"^s3://', 'r"^[a-z0-9]+://', 0),
    ('= "role"', '= "secret"', 0),
    ("signing_key: SecretStr | None = None", "signing_key: str | None = None", 0),
    ("plain_http: bool = False", "plain_http: bool = True", 0),
    ('found.curve.name != "secp256r1"', "False", 0),
    ("not isinstance(found, ec.EllipticCurvePrivateKey) or ", "", 0),
    ("if self.signing_key is not None and self.signer != KEY_FILE", "if False", 0),
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
)
