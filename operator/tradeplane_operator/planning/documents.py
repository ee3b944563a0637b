"""Reading documents from the cluster: the spec strictly, the status leniently.

An older operator may meet a status a newer one wrote (a rollback). Fields it does not know are left out, conditions it
does not know are kept, and conditions it cannot read are left out: none of them say which runs there were. A record of
runs it cannot read is refused, because taking it for none would run everything again. So is a spec it cannot read:
running it without the unknown field could be another run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import ValidationError
from tradeplane_api.base import Document
from tradeplane_api.conditions import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

D = TypeVar("D", bound=Document)
_PROBLEMS_TOLD = 8
SPECS_REMEMBERED = 2_048
"""A run's spec is read at each of its half a dozen passes; reading it anew was a third of a plan's time."""
_STATUSES_REMEMBERED = 1_024
"""A plan that asks for facts reads the same status again when it has them."""


class UnreadableSpec(ValueError):
    """A spec this operator cannot read; the message names each field."""


class UnreadableStatus(ValueError):
    """A status this operator cannot read, even without its conditions; the message names each field."""


def read_spec(model: type[D], resource: Mapping[str, Any]) -> D:
    """Return the spec of a resource. Raises UnreadableSpec naming each field that is wrong."""
    try:
        read: D = _read(model, orjson.dumps(resource.get("spec") or {}))
    except ValidationError as error:
        raise UnreadableSpec(_fields("spec", error)) from error
    except orjson.JSONEncodeError as error:
        raise UnreadableSpec(
            f"spec: it has a value that cannot be read ({error}); give values of few levels"
        ) from error
    return read


@lru_cache(maxsize=SPECS_REMEMBERED)
def _read(model: type[D], text: bytes) -> D:
    return model.model_validate(orjson.loads(text))


def read_status(model: type[D], resource: Mapping[str, Any]) -> D:
    """Return the status of a resource, without unknown fields and without conditions that cannot be read.

    Raises UnreadableStatus naming each other field that is wrong.
    """
    status = resource.get("status") or {}
    try:
        read: D = _read_leniently(model, orjson.dumps(status))
    except ValidationError:
        readable = {**status, "conditions": read_conditions(resource)}
    else:
        return read
    try:
        return model.model_validate(readable, extra="ignore")
    except ValidationError as error:
        raise UnreadableStatus(_fields("status", error)) from error


@lru_cache(maxsize=_STATUSES_REMEMBERED)
def _read_leniently(model: type[D], text: bytes) -> D:
    return model.model_validate(orjson.loads(text), extra="ignore")


def read_conditions(resource: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Return those conditions of a resource that can be read."""
    found = (resource.get("status") or {}).get("conditions")
    read = (_condition(said) for said in found) if isinstance(found, list) else ()
    return tuple(condition for condition in read if condition is not None)


def _condition(said: object) -> Condition | None:
    try:
        return Condition.model_validate(said, extra="ignore")
    except ValidationError:
        return None


def _fields(part: str, error: ValidationError) -> str:
    """Say what is wrong with each field."""
    problems = error.errors()[:_PROBLEMS_TOLD]
    return "; ".join(f"{part}.{'.'.join(str(step) for step in each['loc'])}: {each['msg']}" for each in problems)


def to_wire(document: Document) -> dict[str, Any]:
    """Return a document as JSON values in wire names, without what is absent."""
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)
