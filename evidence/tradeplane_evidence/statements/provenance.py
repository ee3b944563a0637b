"""SLSA provenance: how something was made, by what, from what.

Source: SLSA specification v1.0, "Provenance" (predicate type https://slsa.dev/provenance/v1).
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tradeplane_evidence.errors import PolicyRefused
from tradeplane_evidence.statements.statement import MAX_DEPENDENCIES, Form, ResourceDescriptor, Statement, parsed

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"


class Builder(Form):
    """What is trusted to have made it as it is said."""

    id: str = Field(min_length=1, max_length=1_024)
    version: dict[str, str] | None = None


class BuildMetadata(Form):
    """Which of the builder's executions it was."""

    invocation_id: str | None = Field(default=None, max_length=1_024)
    started_on: str | None = Field(default=None, max_length=64, description="RFC 3339.")
    finished_on: str | None = Field(default=None, max_length=64, description="RFC 3339.")


class BuildDefinition(Form):
    """What was asked for, and what it was made from."""

    build_type: str = Field(min_length=1, max_length=1_024, description="URI of what the parameters mean.")
    external_parameters: dict[str, Any] = Field(description="All that a user chose.")
    internal_parameters: dict[str, Any] | None = Field(default=None, description="What the builder chose.")
    resolved_dependencies: tuple[ResourceDescriptor, ...] = Field(default=(), max_length=MAX_DEPENDENCIES, strict=False)


class RunDetails(Form):
    """The execution itself."""

    builder: Builder
    metadata: BuildMetadata | None = None
    byproducts: tuple[ResourceDescriptor, ...] = Field(default=(), max_length=MAX_DEPENDENCIES, strict=False)


class Provenance(Form):
    """The predicate."""

    build_definition: BuildDefinition
    run_details: RunDetails


def provenance_of(statement: Statement) -> Provenance:
    """Return the provenance a statement states. Raises PolicyRefused where it states something else, and Malformed."""
    if statement.predicate_type != PREDICATE_TYPE:
        raise PolicyRefused(f"the statement is a {statement.predicate_type}, and not {PREDICATE_TYPE}")
    return parsed(Provenance, statement.predicate, "the provenance")
