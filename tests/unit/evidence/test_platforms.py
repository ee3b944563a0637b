"""Which manifest of its image a run is stated to be made by: read strictly, and refused where it can be no other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.statement import Statement
from tradeplane_evidence.verification.platforms import stated_manifest

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable

Dependencies = list[dict[str, Any]]


def _changed(change: Callable[[Dependencies], object]) -> Statement:
    """Return the statement of a run with its dependencies changed."""
    plain = sample_runs.statement(sample_runs.ATTESTED_IMAGE).plain()
    change(plain["predicate"]["buildDefinition"]["resolvedDependencies"])
    return Statement.model_validate(plain)


def _manifest(dependencies: Dependencies) -> dict[str, Any]:
    (found,) = [one for one in dependencies if one["name"] == "image/linux/amd64"]
    return found


def _twice(dependencies: Dependencies) -> None:
    dependencies.append(_manifest(dependencies) | {"name": "image/linux/arm64"})


def test_what_is_stated_is_what_the_image_was_found_to_be() -> None:
    stated = stated_manifest(provenance_of(sample_runs.statement(sample_runs.ATTESTED_IMAGE)))
    assert stated == sample_runs.ATTESTED_IMAGE.image_manifests[0]


def test_a_statement_of_an_image_that_needed_no_attestation_names_none() -> None:
    assert stated_manifest(provenance_of(sample_runs.statement())) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_twice, "several platforms"),
        (lambda found: _manifest(found).pop("digest"), "without its sha256"),
        (lambda found: _manifest(found).update(digest={"sha512": "ab" * 64}), "without its sha256"),
        (lambda found: _manifest(found).update(digest={"sha256": "ab"}), "without its sha256"),
        (lambda found: _manifest(found)["annotations"].update(attestation="latest"), "no digest"),
        (lambda found: _manifest(found)["annotations"].update(attestation=["sha256:" + "ab" * 32]), "no digest"),
        (lambda found: _manifest(found).update(name="image/"), "no platform"),
        (lambda found: _manifest(found).update(name="image/windows/amd64"), "no platform"),
        (lambda found: _manifest(found).update(name="image/linux/amd64/v3"), "no platform"),
    ],
)
def test_one_that_cannot_be_followed_is_refused(change: Callable[[Dependencies], object], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        stated_manifest(provenance_of(_changed(change)))
