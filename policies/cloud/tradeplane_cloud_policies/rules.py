"""The form of the rules: a rule is of one type of resource, or of a whole stack, and is made of checks.

A check is one thing that must be so. Each is tested by a resource which fails that check and no other, so that none can
be left out without a test failing. In a preview some values are not known yet; a check that needs one is left for
``up``, and keeps no other from being made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, StackValidationPolicy
from pulumi_policy.proxy import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pulumi_policy import (
        PolicyResource,
        ReportViolation,
        ResourceValidationArgs,
        StackValidationArgs,
    )


@dataclass(frozen=True)
class Check:
    """One thing that must be so: ``holds`` says of a resource's properties whether it is; ``message`` what to do."""

    message: str
    holds: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Rule:
    """Checks of every resource of some types, by their tokens."""

    name: str
    description: str
    types: tuple[str, ...]
    checks: tuple[Check, ...]

    def violations(self, properties: Mapping[str, Any]) -> Iterator[str]:
        """Yield the message of each check that fails. Raises UnknownValueError, after all, where one needs a value."""
        unknown: UnknownValueError | None = None
        for check in self.checks:
            try:
                if not check.holds(properties):
                    yield check.message
            except UnknownValueError as error:
                unknown = error
        if unknown is not None:
            raise unknown

    def policy(self) -> ResourceValidationPolicy:
        """Return the rule as Pulumi asks it."""

        def validate(arguments: ResourceValidationArgs, report: ReportViolation) -> None:
            if arguments.resource_type in self.types:
                for message in self.violations(arguments.props):
                    report(message, None)

        return ResourceValidationPolicy(
            name=self.name,
            description=self.description,
            validate=validate,
            enforcement_level=EnforcementLevel.MANDATORY,
        )


@dataclass(frozen=True)
class Violation:
    """What is wrong with a stack, and the resource to mend."""

    message: str
    urn: str


@dataclass(frozen=True)
class StackRule:
    """What must be so of all resources of a stack together."""

    name: str
    description: str
    violations: Callable[[Sequence[PolicyResource]], Iterator[Violation]]

    def policy(self) -> StackValidationPolicy:
        """Return the rule as Pulumi asks it."""

        def validate(arguments: StackValidationArgs, report: ReportViolation) -> None:
            for violation in self.violations(arguments.resources):
                report(violation.message, violation.urn)

        return StackValidationPolicy(
            name=self.name,
            description=self.description,
            validate=validate,
            enforcement_level=EnforcementLevel.MANDATORY,
        )


def first(values: object) -> Mapping[str, Any]:
    """Return the first of a list of objects, or the object where it is no list, or nothing where there is none."""
    if isinstance(values, Sequence) and not isinstance(values, str):
        values = values[0] if len(values) else None
    return values if isinstance(values, Mapping) else {}
