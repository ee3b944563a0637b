"""Which runs an export looks at: those that are named, those of a cluster's list, and those that a registry lists.

A registry lists tags. Results are pushed by digest, with a tag where one was asked for; where the registry lists no
referrers, the fallback tag of their attestations names them too. What has neither is found by reference alone, which
the page says.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import (
    DigestMismatch,
    InvalidReference,
    Malformed,
    NotAttested,
    RegistryRefused,
    TooLarge,
)
from tradeplane_evidence.registry.listing import list_repositories, list_tags
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.results_artifact import RESULTS_TYPE
from tradeplane_evidence.snapshot_artifact import SESSION_TYPE, SNAPSHOT_TYPE

if TYPE_CHECKING:
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference

AT_ONCE = 16
"""Tags of a repository that are looked at at the same time."""
_FALLBACK = re.compile(r"sha256-([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something that a registry lists and that is no run."""

    reference: str
    why: str


@dataclass(slots=True)
class Found:
    """What is to be looked at, each with how it was found; and what of a listing was not."""

    runs: dict[Reference, str] = field(default_factory=dict)
    passed_over: list[PassedOver] = field(default_factory=list)

    def add(self, reference: Reference, how: str) -> None:
        """Add a run, which is looked at once however often it is found."""
        self.runs.setdefault(reference, how)

    def take(self, one: Reference | PassedOver, how: str) -> None:
        """Add what was found of a tag."""
        if isinstance(one, PassedOver):
            self.passed_over.append(one)
        else:
            self.add(one, how)

    def check(self, most: int) -> None:
        """Raise TooLarge where there are more runs than that."""
        if len(self.runs) > most:
            raise TooLarge(
                f"there are more than {most:,} runs to look at; raise --max-runs, or ask for fewer repositories"
            )


async def discover(registry: Registry, prefix: str, found: Found, most: int) -> None:
    """Add the runs that a registry lists in the repository of a name, and in those below it.

    Raises NotAttested where there is no such repository, TooLarge, and what listing raises.
    """
    repositories = await list_repositories(registry, prefix)
    if not repositories:
        raise NotAttested(
            f"{registry.host} lists no repository {prefix}, and none below it; see what it is called there"
        )
    for repository in repositories:
        tags = await list_tags(registry, repository)
        if not tags:
            found.passed_over.append(
                PassedOver(str(repository), "it lists no tag, and what else is in it is found by reference alone")
            )
        for start in range(0, len(tags), AT_ONCE):
            looked = await asyncio.gather(*(_look(registry, repository, tag) for tag in tags[start : start + AT_ONCE]))
            for (
                one
            ) in looked:  # in the order of the tags, so that how a run was found does not depend on who answers first
                found.take(*one)
            found.check(most)


async def _look(registry: Registry, repository: Reference, tag: str) -> tuple[Reference | PassedOver, str]:
    """Return the run that a tag names and how it was found, or what else it names."""
    fallback = _FALLBACK.fullmatch(tag)
    named = repository.at(f"sha256:{fallback.group(1)}") if fallback else None
    asked = named or _tagged(repository, tag)
    if asked is None:
        return PassedOver(f"{repository}:{tag}", "its tag is none that a reference can have"), ""
    how = "fallback tag of its attestations" if fallback else f"tag {tag}"
    try:
        data, digest = await registry.manifest(asked)
        kind = parse_manifest(data, f"the manifest of {asked}").artifact_type
    except RegistryRefused as error:
        if error.status != 404:
            raise
        if named is not None:  # an attestation is there, and what it is about is gone: that is told as a run
            return named, how
        return PassedOver(str(asked), "it was listed, and is not there"), ""
    except DigestMismatch:
        return asked, how  # it lies about what it has: that is told as a run that is refused
    except Malformed:
        return PassedOver(str(asked), "it is no manifest of an artifact"), ""
    if kind == SESSION_TYPE:
        return PassedOver(str(asked), "it is a session; tradeplane verify tells what replays of it found"), ""
    if kind == SNAPSHOT_TYPE:
        return PassedOver(str(asked), "it is a snapshot; tradeplane verify tells where it came from"), ""
    if kind != RESULTS_TYPE:
        return PassedOver(str(asked), f"it is {kind or 'an artifact without a type'}"), ""
    return repository.at(digest), how


def _tagged(repository: Reference, tag: str) -> Reference | None:
    """Return the reference of a tag; None where it is no tag, or one with a digest behind it."""
    try:
        found = parse_reference(f"{repository}:{tag}")
    except InvalidReference:
        return None
    return found if found.tag == tag else None
