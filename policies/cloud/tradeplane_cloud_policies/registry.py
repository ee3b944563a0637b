"""Rules of ECR: a tag means the same for ever, and nobody in general reads or writes."""

from __future__ import annotations

from tradeplane_cloud_policies.access_documents import allowed, is_for_anyone
from tradeplane_cloud_policies.rules import Check, Rule, first

RULES = (
    Rule(
        "ecr-repository",
        "Tags do not move, images are encrypted, and evidence goes with nobody's repository.",
        ("aws:ecr/repository:Repository",),
        (
            Check("imageTagMutability: set it to IMMUTABLE", lambda p: p.get("imageTagMutability") == "IMMUTABLE"),
            Check("forceDelete: leave it out", lambda p: not p.get("forceDelete")),
            Check(
                "encryptionConfigurations.encryptionType: set it to KMS",
                lambda p: first(p.get("encryptionConfigurations")).get("encryptionType") == "KMS",
            ),
        ),
    ),
    Rule(
        "ecr-repository-policy",
        "Repositories are for who is named.",
        ("aws:ecr/repositoryPolicy:RepositoryPolicy",),
        (
            Check(
                "policy: name who is allowed; no statement may allow everyone",
                lambda p: not any(map(is_for_anyone, allowed(p.get("policy")))),
            ),
        ),
    ),
)
