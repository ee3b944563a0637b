"""What a registry says that it has: repositories, and the tags of one.

Sources: OCI Distribution Specification 1.1, "Listing Tags"; and the catalogue (``/v2/_catalog``) of the Docker Registry
HTTP API V2, which that specification leaves out and which not every registry has, or shows in whole to everybody. Names
in such lists are anybody's who may push, and are taken only in the form that a reference has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import InvalidReference, Malformed, RegistryRefused
from tradeplane_evidence.registry.manifests import MAX_MANIFEST_BYTES
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.statements.statement import Form, parsed

if TYPE_CHECKING:
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference

MAX_NAMES = 20_000
"""Repositories of a registry, or tags of a repository, that are listed."""
MAX_PAGES = 1_000


class _Names(Form):
    """A page of either list; registries in Go write null for none."""

    repositories: tuple[str, ...] | None = Field(default=None, strict=False)
    tags: tuple[str, ...] | None = Field(default=None, strict=False)

    @property
    def names(self) -> tuple[str, ...]:
        return self.repositories or self.tags or ()


async def list_repositories(registry: Registry, prefix: str) -> tuple[Reference, ...]:
    """Return the repository of that name and those below it, by name: ``runs`` is for ``runs/a`` and not ``runs-old``.

    Raises RegistryRefused where the registry has no catalogue or does not show it, and Malformed where it has too much.
    """
    try:
        names = await _listed(registry, "/v2/_catalog", "registry:catalog:*", f"the catalogue of {registry.host}")
    except RegistryRefused as error:
        raise RegistryRefused(
            f"{registry.host} does not list its repositories ({error}): not every registry has a catalogue, "
            "or shows it; name the runs by reference, or give --runs what kubectl get strategies -A -o json prints",
            error.status,
        ) from error
    chosen = {name for name in names if name == prefix or name.startswith(f"{prefix}/")}
    return tuple(_named(registry, name) for name in sorted(chosen))


async def list_tags(registry: Registry, repository: Reference) -> tuple[str, ...]:
    """Return the tags of a repository, sorted. Raises Malformed where there are too many.

    One that has none is not there to some registries: distribution's catalogue has it, and its tags are a 404.
    """
    name = repository.repository
    try:
        tags = await _listed(registry, f"/v2/{name}/tags/list", f"repository:{name}:pull", f"the tags of {repository}")
    except RegistryRefused as error:
        if error.status != 404:
            raise
        return ()
    return tuple(sorted(set(tags)))


async def _listed(registry: Registry, first: str, scope: str, what: str) -> list[str]:
    """Read a list to its end. Raises Malformed where it is none, or too long."""
    names: list[str] = []
    place: str | None = first
    for _ in range(MAX_PAGES):
        if place is None:
            return names
        body, place = await registry.listing(place, scope)
        names += parsed(_Names, strict_json.parse(body, what, MAX_MANIFEST_BYTES), what).names
        if len(names) > MAX_NAMES:
            raise Malformed(f"{what}: more than {MAX_NAMES:,} names; ask for fewer repositories, or name the runs")
    raise Malformed(f"{what}: more than {MAX_PAGES:,} pages")


def _named(registry: Registry, name: str) -> Reference:
    """Return the repository of a name, all of which is its name: ``runs/x:v1`` is a tag of another."""
    try:
        found = parse_reference(f"{registry.host}/{name}")
    except InvalidReference as error:
        raise Malformed(f"the catalogue of {registry.host} has a name that is none: {error}") from error
    if found.repository != name:
        raise Malformed(f"the catalogue of {registry.host} has a name that is none of a repository: {name[:200]!r}")
    return found
