"""The specification of a capture as a pod gets it: JSON in an environment variable, so bounded and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.capture import CAPTURE_VARIABLE, MAX_CAPTURE_BYTES, CaptureSpecification

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.runner.specification import describe

if TYPE_CHECKING:
    from collections.abc import Mapping


def capture_from(environ: Mapping[str, str]) -> CaptureSpecification:
    """Return the specification in ``TRADEPLANE_CAPTURE``. Raises InvalidSpecification naming the field."""
    text = environ.get(CAPTURE_VARIABLE, "")
    if not text:
        raise InvalidSpecification(
            f"the environment variable {CAPTURE_VARIABLE} is empty or not set; set it to the JSON of a capture"
        )
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > MAX_CAPTURE_BYTES:
        raise InvalidSpecification(
            f"{CAPTURE_VARIABLE} has {size} bytes, more than {MAX_CAPTURE_BYTES}; name fewer instruments"
        )
    try:
        return CaptureSpecification.model_validate_json(text)
    except ValidationError as error:
        raise InvalidSpecification(describe(error)) from error
