"""The specification as a pod gets it: JSON in an environment variable, from outside, so bounded and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.exchange import EXCHANGE_VARIABLE, ExchangeSpecification

from tradeplane_workloads.errors import InvalidSpecification

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SPECIFICATION_BYTES = 65_536


def specification_from(environ: Mapping[str, str]) -> ExchangeSpecification:
    """Return the specification in ``TRADEPLANE_EXCHANGE``. Raises InvalidSpecification naming the field."""
    text = environ.get(EXCHANGE_VARIABLE, "")
    if not text:
        raise InvalidSpecification(
            f"the environment variable {EXCHANGE_VARIABLE} is empty or not set; set it to the JSON of an exchange's "
            "specification"
        )
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > MAX_SPECIFICATION_BYTES:
        raise InvalidSpecification(
            f"{EXCHANGE_VARIABLE} has {size} bytes, more than {MAX_SPECIFICATION_BYTES}; shorten it"
        )
    try:
        return ExchangeSpecification.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"]) or EXCHANGE_VARIABLE
        raise InvalidSpecification(f"{field}: {first['msg']}; correct this field") from error
