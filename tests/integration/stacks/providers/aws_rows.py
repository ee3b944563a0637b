"""Types of AWS that are alike: one operation makes them, one tells them, one removes them, and some change a property.

A type is a row of a table. What no operation of moto tells stays as the inputs have it, so that a drift of it is not
found; the row names it (``untold``). A property that neither a change nor the making knows is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from tests.integration.stacks.providers.aws import AwsType
from tests.integration.stacks.providers.frame import Found, Properties, Refused, same
from tests.integration.stacks.providers.shapes import read_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Request = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One type. Operations are botocore's; paths into answers have dots."""

    kind: str
    """As ``ec2/subnet:Subnet``."""
    service: str
    create: str
    made: str
    """Path of its id in the answer to ``create``; a property of the inputs where it begins with ``=``."""
    describe: str
    found: str
    """Path of it in the answer to ``describe``, of the first where that is a list."""
    delete: str
    by: Callable[[str], Request]
    """How ``describe`` is asked for an id."""
    removed_by: Callable[[str], Request]
    """How ``delete`` is."""
    names: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, type] = field(default_factory=dict)
    """Properties beside the region that the request that makes it has no member for."""
    changes: Mapping[str, tuple[str, Callable[[str, Any], Request]]] = field(default_factory=dict)
    """Operations that change a property, and the request for an id and a value. A setting is made by them as well."""
    untold: frozenset[str] = frozenset()
    unchangeable: frozenset[str] = frozenset({"tags"})
    """Properties that AWS changes and this stand-in does not: a change of one is refused, and replaces nothing."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Outputs, and their paths in what is found."""
    named: str | None = None
    gone: frozenset[str] = frozenset({"NotFoundException"})


class RowType(AwsType):
    """The type that a row is."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.pulumi_type, self.service, self.operation = f"aws:{row.kind}", row.service, row.create
        self.names, self.named, self.gone = row.names, row.named, row.gone
        self.settings = {"region": str, **row.settings}

    def replaced_by(self, key: str) -> bool:
        """All but what a request changes, as AWS has it of these types."""
        return key not in self.row.changes and key not in self.row.unchangeable

    def create(self, inputs: Properties) -> str:
        """Make it, and set what is set by requests of its own."""
        answer = self.ask(inputs, self.row.create, self.request(inputs))
        made = self.row.made
        resource_id = str(inputs[made[1:]] if made.startswith("=") else at(answer, made))
        for key in self.row.changes.keys() & self.settings.keys() & inputs.keys():
            self._change(resource_id, key, inputs)
        return resource_id

    def look(self, resource_id: str, inputs: Properties) -> Found | None:
        """Return it as it is."""
        found = at(self.ask(inputs, self.row.describe, self.row.by(resource_id)), self.row.found)
        if not found or self.is_removed(found):
            return None
        told = self.told(resource_id, found, inputs)
        asked = {key: value for key, value in inputs.items() if key not in self.settings or key in told}
        read = read_back(dict(told), asked, self.names)
        kept = {k: v for k, v in inputs.items() if k in self.row.untold or (k in self.settings and k not in read)}
        outputs = {name: at(told, path) for name, path in self.row.outputs.items()}
        return Found({**read, **kept}, outputs)

    def told(self, resource_id: str, found: dict[str, Any], inputs: Properties) -> dict[str, Any]:
        """Return what AWS told of it, with what further requests tell, where there are some."""
        return found

    def is_removed(self, found: Mapping[str, Any]) -> bool:
        """Whether AWS still tells of what was removed."""
        return found.get("State") in ("deleted", "deleting")

    def update(self, resource_id: str, old: Properties, new: Properties) -> None:
        """Change what differs, each by its request."""
        for key in sorted(old.keys() | new.keys()):
            if same(old.get(key), new.get(key)):
                continue
            if key not in self.row.changes:
                raise Refused(f"{key} of {self.pulumi_type} is not changed by this stand-in")
            self._change(resource_id, key, new)

    def remove(self, resource_id: str, inputs: Properties) -> None:
        """Remove it."""
        self.ask(inputs, self.row.delete, self.row.removed_by(resource_id))

    def ask(self, inputs: Properties, operation: str, request: Request) -> dict[str, Any]:
        """Call an operation in the region of a resource."""
        answer: dict[str, Any] = getattr(self.client(inputs), xform_name(operation))(**request)
        return answer

    def _change(self, resource_id: str, key: str, inputs: Properties) -> None:
        operation, asked = self.row.changes[key]
        self.ask(inputs, operation, asked(resource_id, inputs.get(key)))


def at(answer: Any, path: str) -> Any:
    """Return what is at a path, and in a list the first; None where there is nothing, all where there is no path."""
    for part in filter(None, path.split(".")):
        answer = (answer or {}).get(part)
        if isinstance(answer, list):
            answer = answer[0] if answer else None
    return answer
