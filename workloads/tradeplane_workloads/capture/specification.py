"""The specification of a capture as a pod gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.capture import CAPTURE_VARIABLE, CaptureSpecification

from tradeplane_workloads.runner.specification import read_specification

if TYPE_CHECKING:
    from collections.abc import Mapping


def capture_from(environ: Mapping[str, str]) -> CaptureSpecification:
    """Return the specification in ``TRADEPLANE_CAPTURE``. Raises InvalidSpecification naming the field."""
    return read_specification(CaptureSpecification, CAPTURE_VARIABLE, environ, "name fewer instruments")
