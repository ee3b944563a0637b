"""Rules that are asked of what somebody signed who is relied on, put together by ``all_of`` and ``any_of``.

Each is its own, and refuses in its own words: a ``RuleRefused`` names the rule, and of one that is made of others why
each of them refused. A ``Policy`` is one of them, so that two can be alternatives; what it has in ``rules`` is asked
beside what it asks itself. Who is relied on at all is not a rule's to say: these narrow that, and none widens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.errors import PolicyRefused
from tradeplane_evidence.signing.keyring import told

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tradeplane_evidence.keyless.identities import Identity
    from tradeplane_evidence.verification.bundles import Claim

_TOLD = 200
"""Characters of what somebody signed, which are told of it."""


class Rule(Protocol):
    """Something that is asked of a claim."""

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise PolicyRefused where a claim is not as the rule asks."""

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, by which one is told from another."""


class RuleRefused(PolicyRefused):
    """A genuine statement that a rule refuses: ``rule``, and where it is made of others, why each of these did."""

    def __init__(self, rule: Rule, words: str, reasons: tuple[PolicyRefused, ...] = ()) -> None:
        super().__init__(words)
        self.rule = rule
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class AllOf:
    """Each of some rules. The first that refuses is told."""

    rules: tuple[Rule, ...]

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise PolicyRefused where one of them does."""
        for rule in self.rules:
            rule.check(claim, now)

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"allOf": [rule.plain() for rule in self.rules]}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some rules; of none nothing passes."""

    rules: tuple[Rule, ...]

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where each of them refuses, with the reason of each."""
        reasons: list[PolicyRefused] = []
        for rule in self.rules:
            try:
                rule.check(claim, now)
            except PolicyRefused as refused:
                reasons.append(refused)
            else:
                return
        words = "; ".join(dict.fromkeys(map(str, reasons))) or "there is none"
        raise RuleRefused(self, f"none of {len(self.rules)} rules allows it: {words}", tuple(reasons))

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"anyOf": [rule.plain() for rule in self.rules]}


def all_of(*rules: Rule) -> Rule:
    """Return the rule that asks all of some rules."""
    return AllOf(rules)


def any_of(*rules: Rule) -> Rule:
    """Return the rule that asks any of some rules."""
    return AnyOf(rules)


def signs_for(signer: str | Identity, *builders: str) -> Rule:
    """Return the rule that a signer signed for one of some builders: a key by its fingerprint, or somebody."""
    return AllOf((SignedBy(signer), BuiltBy(frozenset(builders))))


@dataclass(frozen=True, slots=True)
class SignedBy:
    """Who signed: a key, by its fingerprint, or somebody by name. A key that a certificate is for is nobody's name."""

    signer: str | Identity

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where another signed."""
        signed_by = claim.key.key.fingerprint if claim.identity is None else claim.identity
        if signed_by != self.signer:
            raise RuleRefused(self, f"it is signed by {claim.signer}, and asked for is {self._said}")

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"signedBy": self._said}

    @property
    def _said(self) -> str:
        return self.signer if isinstance(self.signer, str) else self.signer.said


@dataclass(frozen=True, slots=True)
class BuiltBy:
    """Who says that they made it."""

    builders: frozenset[str]

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where it is another builder."""
        builder = claim.provenance.run_details.builder.id
        if builder not in self.builders:
            raise RuleRefused(self, f"the builder is {builder[:_TOLD]}, and asked for is {_or(self.builders)}")

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"builtBy": sorted(self.builders)}


@dataclass(frozen=True, slots=True)
class PredicateIs:
    """Of which predicate type the statement is."""

    predicate_type: str

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where it is of another."""
        stated = claim.statement.predicate_type
        if stated != self.predicate_type:
            raise RuleRefused(self, f"the statement is a {stated[:_TOLD]}, and asked for is {self.predicate_type}")

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"predicateIs": self.predicate_type}


@dataclass(frozen=True, slots=True)
class SubjectIs:
    """What one of its subjects is called; that it is about the artifact's digest is asked always."""

    name: str

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where none is called so."""
        if all(one.name != self.name for one in claim.statement.subject):
            raise RuleRefused(self, f"none of its {len(claim.statement.subject):,} subjects is called {self.name}")

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"subjectIs": self.name}


@dataclass(frozen=True, slots=True)
class ParameterIs:
    """What an external parameter is. ``name``: steps into it, with dots; ``values``: as text, any of which will do.

    What is no text is compared by its canonical JSON (RFC 8785), so that ``12`` is the number and the text.
    """

    name: str
    values: frozenset[str]

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where it is not there, or is something else."""
        found: Any = claim.provenance.build_definition.external_parameters
        for step in self.name.split("."):
            found = _inner(found, step, self)
        text = _text(found)
        if text not in self.values:
            raise RuleRefused(
                self,
                f"the external parameter {self.name} is {(text or 'no value')[:_TOLD]}, and asked for is "
                f"{_or(self.values)}",
            )

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"parameterIs": {self.name: sorted(self.values)}}


@dataclass(frozen=True, slots=True)
class NoOlderThan:
    """How long ago it was signed, by a trusted timestamp, or else made, by the signer's word."""

    age: timedelta

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where it is older, or does not say."""
        at = claim.made if claim.stamped is None else claim.stamped[0]
        words = too_old(at, self.age, now)
        if words is not None:
            raise RuleRefused(self, words)

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"noOlderThanSeconds": int(self.age.total_seconds())}


@dataclass(frozen=True, slots=True)
class Timestamped:
    """Whether somebody who is trusted says when it was signed."""

    def check(self, claim: Claim, now: datetime) -> None:
        """Raise RuleRefused where nobody does."""
        if claim.stamped is None:
            raise RuleRefused(self, "nobody who is trusted says when it was signed, and that is asked for")

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"timestamped": True}


def too_old(at: datetime | None, age: timedelta, now: datetime) -> str | None:
    """Say that something is older than it may be, or does not say when it was made; None where it is neither."""
    if at is None:
        return "it does not say when it was made, and an age is asked for"
    if now - at > age:
        return f"it is of {told(at)}, and nothing older than {age} is asked for"
    return None


def _inner(value: Any, step: str, rule: ParameterIs) -> Any:
    """Return what a step leads to: a name of an object, or a number in a list. Raises RuleRefused where nothing is."""
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isascii() and step.isdecimal() and len(step) < 10 and int(step) < len(value):
        return value[int(step)]
    raise RuleRefused(
        rule, f"there is no external parameter {rule.name} (at {step!r}), and asked for is {_or(rule.values)}"
    )


def _text(value: Any) -> str | None:
    """Return a value as text; None where it has no one form."""
    if isinstance(value, str):
        return value
    try:
        return canonical_json(value).decode()
    except ValueError:
        return None


def _or(names: frozenset[str]) -> str:
    return " or ".join(sorted(names)) or "nothing"
