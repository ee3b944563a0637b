"""The specification of an exchange as a pod gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.exchange import EXCHANGE_VARIABLE, ExchangeSpecification

from tradeplane_workloads.runner.specification import read_specification

if TYPE_CHECKING:
    from collections.abc import Mapping


def specification_from(environ: Mapping[str, str]) -> ExchangeSpecification:
    """Return the specification in ``TRADEPLANE_EXCHANGE``. Raises InvalidSpecification naming the field."""
    return read_specification(ExchangeSpecification, EXCHANGE_VARIABLE, environ, "shorten it")
