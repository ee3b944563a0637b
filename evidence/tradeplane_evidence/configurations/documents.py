"""The version of an object's specification as it is kept: canonical JSON, whose digest is its name.

It holds ``apiVersion``, ``kind`` and ``spec``, since a specification means nothing without the first two, and neither
name nor labels: the same asked for under another name is the same configuration. Which object had it, when and by whom
is in the ledger.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from tradeplane_store.canonical import canonical_json

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.statements.statement import Form, parsed

MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
"""More than an API server takes for one object, which is 1.5 MiB unless etcd is told otherwise."""


class Configuration(Form):
    """What was asked of one kind of object."""

    api_version: Annotated[str, Field(min_length=1, max_length=253)]
    kind: Annotated[str, Field(min_length=1, max_length=63)]
    spec: Any


def payload_of(configuration: Configuration) -> bytes:
    """Return the bytes that are kept. Raises Malformed for what the reader of such bytes would not take."""
    what = f"the specification of a {configuration.kind}"
    try:
        data = canonical_json(
            {"apiVersion": configuration.api_version, "kind": configuration.kind, "spec": configuration.spec}
        )
    except RecursionError as error:
        raise Malformed(f"{what} is nested deeper than {strict_json.MAX_DEPTH} levels") from error
    except ValueError as error:
        raise Malformed(f"{what}: {error}") from error
    strict_json.parse(data, what, MAX_DOCUMENT_BYTES)
    return data


def configuration_of(data: bytes, what: str) -> Configuration:
    """Return a configuration from its bytes; ``what`` names it in an error. Raises Malformed."""
    found = parsed(Configuration, strict_json.parse(data, what, MAX_DOCUMENT_BYTES), what)
    if payload_of(found) != data:
        raise Malformed(f"{what} is no specification in canonical JSON")
    return found
