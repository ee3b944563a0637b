"""Reading the record that a build left of itself, of an image or of a release, before anybody signs what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed

if TYPE_CHECKING:
    from tradeplane_api.base import Document

D = TypeVar("D", bound="Document")
MAX_RECORD_BYTES = 4 * 1024 * 1024


def parse_build_record(model: type[D], data: bytes, what: str, remedy: str) -> D:
    """Return a record from its JSON; ``what`` and ``remedy`` are said of it in an error. Raises Malformed."""
    strict_json.parse(data, what, MAX_RECORD_BYTES)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"]) or "it"
        raise Malformed(f"{what}: {field}: {first['msg']}; {remedy}") from error
