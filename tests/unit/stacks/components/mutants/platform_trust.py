"""How trust in builders and in users could be weakened."""

import tests.integration.stacks.cloud
import tests.unit.stacks.components.loaded  # noqa: F401 -- both for the forks of all weakenings
from tests.unit.stacks.components.mutants import Weakening

TESTS = ("test_platform_trust.py",)

MUTANTS: tuple[Weakening, ...] = (
    ("\\d{2}:\\d{2}:\\d{2}Z$", "\\d{2}:\\d{2}:\\d{2}.*$", 0),
    ('r"^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$"', 'r"^.*$"', 0),
    ('r"^[a-z][a-z0-9+.-]*:\\S+$"', 'r"^.+$"', 0),
    ('r"^[^\\x00-\\x1f\\x7f]+$"', 'r"^"', 0),
    ("public_key: PublicKey", "public_key: str", 0),
    (
        "users: Annotated[tuple[User, ...], Field(min_length=1, max_length=64)]",
        "users: Annotated[tuple[User, ...], Field(max_length=64)]",
        0,
    ),
    (
        "users: Annotated[tuple[User, ...], Field(min_length=1, max_length=64)]",
        "users: Annotated[tuple[User, ...], Field(max_length=64)] = ()",
        0,
    ),
    (
        "builders: Annotated[tuple[Builder, ...], Field(min_length=1, max_length=64)]",
        "builders: Annotated[tuple[Builder, ...], Field(max_length=64)]",
        0,
    ),
    ("plain_http: bool = False", "plain_http: bool = True", 0),
    ("Field(ge=1)] = 3_600", "Field()] = 3_600", 0),
    ("Field(min_length=1, max_length=8)", "Field(max_length=8)", 0),
    ("namespaces: tuple[KubernetesName, ...] = ()", "namespaces: tuple[str, ...] = ()", 0),
    ("Field(ge=1, le=MAX_APPROVERS)", "Field(le=MAX_APPROVERS)", 0),
    ("Field(ge=1, le=MAX_APPROVERS)", "Field(ge=1)", 0),
    (
        "rules: Annotated[tuple[ApprovalRule, ...], Field(min_length=1",
        "rules: Annotated[tuple[ApprovalRule, ...], Field(min_length=0",
        0,
    ),
    ('"notBefore": key.not_before,', "", 0),
    ('"notAfter": key.not_after,', "", 0),
    ('"revokedFrom": key.revoked_from,', "", 0),
    ("key.builders if isinstance(key, BuilderKey) else None", "None", 0),
    ("key.users if isinstance(key, ApproverKey) else None", "None", 0),
)
