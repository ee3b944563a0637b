"""policy-controller's own tester on the ClusterImagePolicy that is shipped: what it lets through, and what it does not.

Every image here is the same bytes in another repository; they differ by what is attested of them, by whom, and how. A
policy that is weakened in one place is noticed by one of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.policies.images.conftest import BUILDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.policies.images.conftest import Images

Json = dict[str, Any]
Made = dict[str, str]

ATTESTED = "attested"
REFUSED = {
    "attested by nobody": "no matching attestations",
    "attested in bundles alone": "no matching attestations",
    "by another key": "no matching attestations",
    "built by another": "builder.id",
    "another type of build": "buildType",
    "another predicate": "no matching attestations with type",
    "of another image": "no matching attestations",
    "changed after it was signed": "no matching attestations",
    "of a repository that is not named": "is uncovered by policy",
}
"""What is refused, and a word of why."""


def _built_by_another(statement: Json) -> None:
    statement["predicate"]["runDetails"]["builder"]["id"] = "https://builders.example/release/elsewhere"


def _another_type(statement: Json) -> None:
    statement["predicate"]["buildDefinition"]["buildType"] = "https://tradeplane.dev/evidence/run-v1"


def _another_predicate(statement: Json) -> None:
    statement["predicateType"] = "https://cyclonedx.org/bom"


def _of_another_image(statement: Json) -> None:
    for subject in statement["subject"]:
        subject["digest"]["sha256"] = "0" * 64


@pytest.fixture(scope="module")
def made(images: Images) -> Made:
    """Push an image of each kind."""
    changed = images.signed()
    signature = images.signed(_built_by_another)["signatures"]
    return {
        ATTESTED: images.push("tradeplane/attested", images.signed()),
        "attested twice, once by another": images.push(
            "tradeplane/twice", images.signed(_built_by_another), images.signed()
        ),
        "attested by nobody": images.push("tradeplane/bare"),
        "attested in bundles alone": images.with_bundles_alone("tradeplane/bundles"),
        "by another key": images.push("tradeplane/stranger", images.signed(signer=images.stranger)),
        "built by another": images.push("tradeplane/elsewhere", images.signed(_built_by_another)),
        "another type of build": images.push("tradeplane/run", images.signed(_another_type)),
        "another predicate": images.push("tradeplane/bill", images.signed(_another_predicate)),
        "of another image": images.push("tradeplane/other", images.signed(_of_another_image)),
        "changed after it was signed": images.push("tradeplane/changed", changed | {"signatures": signature}),
        "of a repository that is not named": images.push("elsewhere/attested", images.signed()),
    }


@pytest.mark.parametrize("name", [ATTESTED, "attested twice, once by another"])
def test_what_a_trusted_builder_attested_is_allowed(images: Images, made: Made, name: str) -> None:
    decision = images.decide(made[name])
    assert decision.allowed, decision.told


@pytest.mark.parametrize("name", REFUSED)
def test_whatever_else_is_refused(images: Images, made: Made, name: str) -> None:
    decision = images.decide(made[name])
    assert not decision.allowed
    assert REFUSED[name] in decision.told


def test_what_was_signed_once_is_enough_in_both_forms(images: Images) -> None:
    """As docs/policies/images.md says: no key is asked for again."""
    image = images.with_bundles_alone("tradeplane/both")
    policy = images.policy()
    attestation = policy["spec"]["authorities"][0]["attestations"][0]
    attestation["policy"]["data"] = attestation["policy"]["data"].replace(
        BUILDER, "https://tradeplane.dev/evidence/builders/images-local-v1"
    )
    assert not images.decide(image, policy).allowed
    downloaded = images.cosign("download", "attestation", image)
    assert downloaded.returncode == 0, downloaded.stderr
    envelopes = images.folder / "downloaded.jsonl"
    envelopes.write_text(
        "\n".join(json.dumps(json.loads(line)["dsseEnvelope"]) for line in downloaded.stdout.splitlines())
    )
    images.hang(image, envelopes)
    decision = images.decide(image, policy)
    assert decision.allowed, decision.told


def _authority(policy: Json) -> Json:
    authority: Json = policy["spec"]["authorities"][0]
    return authority


def _without_rule(words: str) -> Callable[[Json], None]:
    def weaken(policy: Json) -> None:
        rule = _authority(policy)["attestations"][0]["policy"]
        kept = [line for line in rule["data"].splitlines() if words not in line]
        assert len(kept) == len(rule["data"].splitlines()) - 1
        rule["data"] = "\n".join(kept)

    return weaken


def _any_image(policy: Json) -> None:
    policy["spec"]["images"] = [{"glob": "**"}]


def _warns(policy: Json) -> None:
    policy["spec"]["mode"] = "warn"


def _passes(policy: Json) -> None:
    policy["spec"]["authorities"] = [{"name": "all", "static": {"action": "pass"}}]


def _or_passes(policy: Json) -> None:
    policy["spec"]["authorities"].append({"name": "all", "static": {"action": "pass"}})


def _without_policy(policy: Json) -> None:
    del _authority(policy)["attestations"][0]["policy"]


@pytest.mark.parametrize(
    ("weaken", "noticed"),
    [
        (_without_rule("builder: id:"), "built by another"),
        (_without_rule("buildType:"), "another type of build"),
        (_without_policy, "built by another"),
        (_any_image, "of a repository that is not named"),
        (_warns, "by another key"),
        (_passes, "attested by nobody"),
        (_or_passes, "attested by nobody"),
    ],
    ids=["builder", "build type", "policy", "glob", "mode", "static", "second authority"],
)
def test_a_weaker_policy_is_noticed(images: Images, made: Made, weaken: Callable[[Json], None], noticed: str) -> None:
    policy = images.policy()
    weaken(policy)
    assert images.decide(made[noticed], policy).allowed


def test_a_policy_for_another_type_of_attestation_is_noticed(images: Images, made: Made) -> None:
    policy = images.policy()
    attestation = _authority(policy)["attestations"][0]
    attestation["predicateType"] = "https://cyclonedx.org/bom"
    assert not images.decide(made[ATTESTED], policy).allowed


def test_a_policy_for_another_key_lets_nothing_of_ours_through(images: Images, made: Made) -> None:
    policy = images.policy()
    _authority(policy)["key"] = {"data": images.stranger.public_key.pem()}
    assert not images.decide(made[ATTESTED], policy).allowed
