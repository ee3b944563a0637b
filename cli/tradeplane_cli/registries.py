"""Registries as commands name and reach them."""

from __future__ import annotations

from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.credentials import credentials_for
from tradeplane_evidence.registry.references import Reference, parse_reference

from tradeplane_cli.failures import CommandFailure


def parse_repository(target: str) -> Reference:
    """Return where something is pushed, with a tag or without. Raises InvalidReference and CommandFailure."""
    repository = parse_reference(target)
    if repository.digest is not None:
        raise CommandFailure(
            f"{target} names a digest, and that follows from what is pushed", remedy="leave out what comes after @"
        )
    return repository


def registry_at(reference: Reference, *, plain_http: bool) -> Registry:
    """Return the registry of a reference, logged in to as docker is."""
    return Registry(reference.host, plain_http or reference.is_loopback, credentials_for)
