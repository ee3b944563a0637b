"""A trusted root: whose certificates, logs and timestamps are relied on, and in which times.

Source: sigstore/protobuf-specs, ``sigstore_trustroot.proto``. It is read here, strictly, before sigstore-python sees
it: that library looks at the end of an authority's or a log's time where it signs, and not where it verifies. So what
it is given is the part of the root that was trusted at the time of signing (``TrustRoot.at``). A ``TimeRange`` is
closed at both ends and has a start, by the specification.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cryptography.x509 import load_der_x509_certificate
from pydantic import AwareDatetime, BeforeValidator, Field

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import InvalidKey, Malformed
from tradeplane_evidence.signing.timestamps import MAX_CERTIFICATES, TimestampAuthority
from tradeplane_evidence.statements.statement import Form, decoded, parsed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot

MAX_ROOT_BYTES = 1024 * 1024
MAX_INSTANCES = 64
"""Logs, or authorities, of one kind."""
MAX_CERTIFICATE_TEXT = 65_536
_TICK = timedelta(microseconds=1)
_REMEDY = "make it with cosign trusted-root create, or ask who runs the instance"


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a time is written as text (RFC 3339)")  # noqa: TRY004 - pydantic tells a ValueError
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text), Field(strict=False)]


class TimeRange(Form):
    """From when to when something is trusted, both included; for good where it has no end."""

    start: Moment
    end: Moment | None = None

    def covers(self, moment: datetime) -> bool:
        """Say whether a moment is in it."""
        return self.start <= moment and (self.end is None or moment <= self.end)


class LogKey(Form):
    """The key of a log: DER (SubjectPublicKeyInfo) in base64."""

    raw_bytes: str = Field(min_length=4, max_length=MAX_CERTIFICATE_TEXT)
    key_details: str = Field(max_length=64)
    valid_for: TimeRange


class Log(Form):
    """A transparency log."""

    base_url: str = Field(max_length=2_048)
    public_key: LogKey

    @property
    def valid_for(self) -> TimeRange:
        """When its key is trusted."""
        return self.public_key.valid_for


class ChainCertificate(Form):
    """A certificate: DER in base64."""

    raw_bytes: str = Field(min_length=4, max_length=MAX_CERTIFICATE_TEXT)


class CertificateChain(Form):
    """The certificates of an authority, its own first and the root last."""

    certificates: tuple[ChainCertificate, ...] = Field(min_length=1, max_length=MAX_CERTIFICATES, strict=False)


class Authority(Form):
    """Who issues certificates, or timestamps."""

    cert_chain: CertificateChain
    valid_for: TimeRange


_Logs = Annotated[tuple[Log, ...], Field(max_length=MAX_INSTANCES, strict=False)]
_Authorities = Annotated[tuple[Authority, ...], Field(max_length=MAX_INSTANCES, strict=False)]


class TrustedRootFile(Form):
    """A trusted root as it is published; a list that is absent is empty, as in every form of protobuf."""

    media_type: Literal["application/vnd.dev.sigstore.trustedroot+json;version=0.1"]
    tlogs: _Logs = ()
    certificate_authorities: _Authorities = ()
    ctlogs: _Logs = ()
    timestamp_authorities: _Authorities = ()


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """What is trusted, and the values of the file that said so."""

    file: TrustedRootFile
    values: Mapping[str, Any]

    @property
    def has_logs(self) -> bool:
        """Whether it names transparency logs: then a signature has to stand in one."""
        return bool(self.file.tlogs)

    def timestamp_authorities(self) -> tuple[TimestampAuthority, ...]:
        """Return who is trusted to say when something was signed. Raises InvalidKey."""
        return tuple(
            TimestampAuthority(_chain(one, f"timestampAuthorities.{index}"), one.valid_for.start, one.valid_for.end)
            for index, one in enumerate(self.file.timestamp_authorities)
        )

    def at(self, moments: Collection[datetime]) -> TrustedRoot:
        """Return the part of it that was trusted at each of some moments, in sigstore-python's form.

        Timestamp authorities stay all, as each timestamp is of a moment of its own; that library takes the end of
        their time for the first moment after it, so that it is given one that is.
        """
        from sigstore.models import TrustedRoot
        from sigstore_models.trustroot.v1 import TrustedRoot as Inner

        authorities = zip(self.values.get("timestampAuthorities", ()), self.file.timestamp_authorities, strict=True)
        try:
            values = {
                "mediaType": self.file.media_type,
                "tlogs": self._valid("tlogs", self.file.tlogs, moments),
                "ctlogs": self._valid("ctlogs", self.file.ctlogs, moments),
                "certificateAuthorities": [
                    _named(value)
                    for value in self._valid("certificateAuthorities", self.file.certificate_authorities, moments)
                ],
                "timestampAuthorities": [
                    _named({**value, "validFor": _widened(one.valid_for)}) for value, one in authorities
                ],
            }
            return TrustedRoot(Inner.from_json(json.dumps(values)))
        except Exception as error:  # of the library, and of what it is made of
            raise InvalidKey(f"the trusted root cannot be used: {error}; {_REMEDY}") from error

    def _valid(self, name: str, entries: tuple[Log | Authority, ...], moments: Collection[datetime]) -> list[Any]:
        return [
            value
            for value, one in zip(self.values.get(name, ()), entries, strict=True)
            if all(one.valid_for.covers(moment) for moment in moments)
        ]


def read_trusted_root(data: bytes, what: str = "the trusted root") -> TrustRoot:
    """Return a trusted root from its JSON. Raises InvalidKey, naming the field."""
    try:
        values = strict_json.parse(data, what, MAX_ROOT_BYTES)
        return TrustRoot(parsed(TrustedRootFile, values, what), values)
    except Malformed as error:
        raise InvalidKey(f"{error}; {_REMEDY}") from error


def _chain(authority: Authority, what: str) -> tuple[Certificate, ...]:
    try:
        return tuple(
            load_der_x509_certificate(decoded(one.raw_bytes, what)) for one in authority.cert_chain.certificates
        )
    except ValueError as error:
        raise InvalidKey(f"the trusted root: {what} holds what is no certificate: {error}") from error


def _named(authority: Mapping[str, Any]) -> dict[str, Any]:
    """Return an authority with all of its name: forms of protobuf leave out what is empty, the library asks for it."""
    return {**authority, "subject": {"organization": "", "commonName": "", **authority.get("subject", {})}}


def _widened(valid: TimeRange) -> dict[str, str]:
    start = {"start": valid.start.isoformat()}
    return start if valid.end is None else {**start, "end": (valid.end + _TICK).isoformat()}
