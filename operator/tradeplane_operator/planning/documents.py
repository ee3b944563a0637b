"""Reading documents from the cluster: the spec strictly, the status leniently.

An older operator may meet a status a newer one wrote (a rollback): fields it does not know are left out, not an error.
A spec it cannot read is refused, because running it without the unknown field could be another run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from tradeplane_api.base import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

D = TypeVar("D", bound=Document)


class UnreadableSpec(ValueError):
    """A spec this operator cannot read; the message names each field."""


def read_spec(model: type[D], resource: Mapping[str, Any]) -> D:
    """Return the spec of a resource. Raises UnreadableSpec naming each field that is wrong."""
    try:
        return model.model_validate(resource.get("spec") or {})
    except ValidationError as error:
        fields = "; ".join(
            f"spec.{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}" for problem in error.errors()[:8]
        )
        raise UnreadableSpec(fields) from error


def read_status(model: type[D], resource: Mapping[str, Any]) -> D:
    """Return the status of a resource, unknown fields left out; an unreadable one counts as none."""
    try:
        return model.model_validate(resource.get("status") or {}, extra="ignore")
    except ValidationError:
        return model()


def to_wire(document: Document) -> dict[str, Any]:
    """Return a document as JSON values in wire names, without what is absent."""
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)
