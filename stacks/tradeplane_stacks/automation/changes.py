"""What Pulumi's engine says while it works: which resources change, in which properties, and which break a rule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent, PolicyEvent, StepEventMetadata

_UNCHANGED = frozenset({"same", "read", "refresh"})
_BOOKKEEPING = "pulumi:"
"""Types of Pulumi's own, as the stack itself: nothing is made of them."""
_SUMMARY = "update failed"
"""What the engine says after the error of a resource."""
_UNKNOWN_YET = "can't be known during preview"
"""What the engine says, as if it were advice, of a check that ``up`` is to make."""
# A replacement is told as three: the new one made, the replacement itself, and the old one removed.
_PARTS_OF_A_REPLACEMENT = frozenset({"create-replacement", "delete-replaced", "discard-replaced"})


@dataclass(frozen=True, order=True)
class Change:
    """What happens, or would happen, to one resource."""

    name: str
    type: str
    operation: str
    """``create``, ``update``, ``replace`` or ``delete``."""
    urn: str
    properties: tuple[str, ...] = ()
    """Those that differ, where some do."""
    failed: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = {"operation": self.operation, "type": self.type, "name": self.name, "urn": self.urn}
        return {**found, "properties": list(self.properties), "failed": self.failed}


@dataclass(frozen=True, order=True)
class Violation:
    """A rule of a policy pack that something breaks."""

    pack: str
    rule: str
    resource: str
    """Its name; nothing where the stack as a whole breaks the rule."""
    message: str
    mandatory: bool
    """Whether nothing is made where it is broken."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = {"pack": self.pack, "rule": self.rule, "resource": self.resource, "message": self.message}
        return {**found, "mandatory": self.mandatory}


@dataclass
class Watched:
    """All that was said in the course of one operation; it is called with each event."""

    say: Callable[[str], None]
    """Is told, in a line, what goes on."""
    changes: dict[str, Change] = field(default_factory=dict)
    """By URN."""
    unchanged: int = 0
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    put_off: int = 0
    """Checks of rules that a preview cannot make, as what they look at is known once something else is made."""

    def __call__(self, event: "EngineEvent") -> None:
        """Take an event."""
        if event.resource_pre_event:
            step = event.resource_pre_event.metadata
            self.say(f"{step.op.value} {step.type} {_name(step.urn)}")
        if event.res_outputs_event:
            self._ended(event.res_outputs_event.metadata, failed=False)
        if event.res_op_failed_event:
            self._ended(event.res_op_failed_event.metadata, failed=True)
        if event.policy_event:
            self._broken(event.policy_event)
        if event.diagnostic_event and not event.diagnostic_event.ephemeral:
            said = {"error": self.errors, "warning": self.warnings}.get(event.diagnostic_event.severity, [])
            text = _plain(event.diagnostic_event.message).strip()
            if text not in ("", _SUMMARY, *said):
                said.append(text)

    def _broken(self, told: "PolicyEvent") -> None:
        """Take a violation. A resource that is both refreshed and updated is told of twice."""
        words = " ".join(
            _plain(told.message).split()
        )  # what the rule says on one line, and what of it is broken on more
        if _UNKNOWN_YET in words:
            self.put_off += 1
            return
        mandatory = told.enforcement_level == "mandatory"
        found = Violation(told.policy_pack_name, told.policy_name, _name(told.resource_urn or ""), words, mandatory)
        if found not in self.violations:
            self.violations.append(found)

    def _ended(self, step: "StepEventMetadata", *, failed: bool) -> None:
        operation = step.op.value
        if step.type.startswith(_BOOKKEEPING):
            return
        if operation in _PARTS_OF_A_REPLACEMENT and not failed:
            return
        if operation in _UNCHANGED and not failed:
            # A refresh comes before the step that it is for, and says nothing of its own.
            self.unchanged += operation == "same"
            return
        properties = sorted({*(step.diffs or ()), *(step.detailed_diff or ())})
        self.changes[step.urn] = Change(_name(step.urn), step.type, operation, step.urn, tuple(properties), failed)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _plain(text: str) -> str:
    """Return a message without the marks of colour that the engine writes into it, as ``<{%fg 1%}>``."""
    found, rest = "", text
    while "<{%" in rest:
        before, _, rest = rest.partition("<{%")
        found, rest = found + before, rest.partition("%}>")[2]
    return found + rest
