"""An in-toto Statement: what is claimed of which bytes.

Source: in-toto Attestation Framework, Statement v1 and ResourceDescriptor v1. Fields that are not known are passed
over, as the framework's parsing rules ask: what a predicate must not contain is for a policy to say.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from tradeplane_store.canonical import canonical_json

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""What a DSSE envelope says that its payload is."""
MAX_STATEMENT_BYTES = 4 * 1024 * 1024
MAX_SUBJECTS = 1_024
"""Subjects of one statement, as sigstore-go has it: a statement with more is not verified by cosign."""
MAX_SUBJECT_DIGESTS = 32
"""Digests of one subject, from the same place."""
MAX_DEPENDENCIES = 16_384

Hexadecimal = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+$", max_length=256)]
DigestSet = Annotated[
    dict[Annotated[str, StringConstraints(min_length=1, max_length=64)], Hexadecimal],
    Field(max_length=MAX_SUBJECT_DIGESTS),
]
"""Digests in hexadecimal, by the name of the algorithm."""


_Form = TypeVar("_Form", bound="Form")


class Form(BaseModel):
    """A document of a specification that others write too: camelCase, immutable, unknown fields passed over."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        extra="ignore",
        strict=True,
    )

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, fields that were not given left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ResourceDescriptor(Form):
    """Something that is named by what it is: at least one of a URI, digests and content."""

    name: str | None = Field(default=None, max_length=1_024)
    uri: str | None = Field(default=None, max_length=4_096)
    digest: DigestSet | None = None
    content: str | None = Field(default=None, max_length=MAX_STATEMENT_BYTES, description="Bytes in base64.")
    download_location: str | None = Field(default=None, max_length=4_096)
    media_type: str | None = Field(default=None, max_length=256)
    annotations: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.uri or self.digest or self.content):
            raise ValueError("it has neither uri nor digest nor content")
        return self


class Subject(ResourceDescriptor):
    """What a statement is about; found by its digest alone."""

    digest: DigestSet = Field(min_length=1)


class Statement(Form):
    """What is claimed of its subjects."""

    type: Literal["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"] = Field(
        default="https://in-toto.io/Statement/v1",
        alias="_type",
        description="cosign writes v0.1; its fields are the same.",
    )
    subject: tuple[Subject, ...] = Field(min_length=1, max_length=MAX_SUBJECTS, strict=False)
    predicate_type: str = Field(min_length=1, max_length=1_024)
    predicate: dict[str, Any] = Field(default_factory=dict)

    def about(self, digest: str) -> bool:
        """Say whether a digest, such as ``sha256:<hex>``, is that of a subject."""
        algorithm, _, value = digest.partition(":")
        return any(one.digest.get(algorithm) == value for one in self.subject)


def serialise(statement: Statement) -> bytes:
    """Return the one form of a statement that is signed and stored: canonical JSON (RFC 8785), UTF-8."""
    return canonical_json(statement.plain())


def parse_statement(data: bytes) -> Statement:
    """Return the statement of signed bytes. Raises Malformed, naming the field."""
    value = strict_json.parse(data, "the statement", MAX_STATEMENT_BYTES)
    return parsed(Statement, value, "the statement", says="_type")


def parsed(model: type[_Form], value: Any, what: str, says: str | None = None) -> _Form:
    """Return plain values as a form. Raises Malformed, naming the first field that is wrong.

    ``says``: the field that says of what form it is; forms that are written here have it by themselves, and what is
    read must have it.
    """
    if says is not None and isinstance(value, dict) and says not in value:
        raise Malformed(f"{what}: {says}: it is missing, and says of what form {what} is")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"]) or "it"
        raise Malformed(f"{what}: {field}: {first['msg']}") from error


def hexadecimal(digest: str) -> str:
    """Return the digits of a digest that is spelled ``sha256:<hex>``."""
    return digest.removeprefix("sha256:")


def decoded(text: str, what: str) -> bytes:
    """Return the bytes of base64 in its one form (RFC 4648, section 4: padded, nothing between). Raises Malformed."""
    if len(text) % 4 or re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) is None:
        raise Malformed(f"{what} is not base64 (RFC 4648, section 4)")
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Malformed(f"{what} is base64 with bits left over; the same bytes have one form")
    return data
