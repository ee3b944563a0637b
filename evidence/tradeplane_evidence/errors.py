"""What can be wrong with evidence, told apart by what an auditor makes of it and a person does about it."""

from __future__ import annotations


class EvidenceError(Exception):
    """Base of every error of this room; the message names the thing, what was wrong with it and what to do."""


class Malformed(EvidenceError, ValueError):
    """A document that has not the form it must have, or is over a limit."""


class SignatureRefused(EvidenceError):
    """A signature that is not of these bytes, or not by this key."""


class KeyRefused(EvidenceError):
    """No key of the keyring made the signature, or the key may not be relied on for it."""


class TimestampRefused(EvidenceError):
    """A timestamp that no trusted authority gave this signature."""


class CertificateRefused(EvidenceError):
    """A certificate that no trusted authority gave, or not at that time, or that no trusted log has."""


class LogEntryRefused(EvidenceError):
    """An entry of a transparency log that is not of this signature, or that no trusted log vouches for."""


class PolicyRefused(EvidenceError):
    """A genuine statement that does not say what the policy asks for."""


class ReplayDiverged(EvidenceError):
    """A run that comes to something else when it is run again, as somebody says who is relied on."""


class DigestMismatch(EvidenceError):
    """Bytes that do not have the digest by which they were asked for."""


class ResultsChanged(DigestMismatch):
    """Files of a run that are not those it left. Nothing makes them so again but a copy, or another run."""


class TooLarge(EvidenceError):
    """More than the limit that was set; the message names what raises it."""


class NotAttested(EvidenceError):
    """There is no evidence of this."""


class Incomplete(EvidenceError):
    """Something that was signed as a whole, and of which a part is not there."""


class InvalidReference(EvidenceError, ValueError):
    """A text that names nothing in a registry."""


class InvalidKey(EvidenceError, ValueError):
    """A key, a keyring or the URI of a signer that cannot be used as it stands."""


class SignerUnavailable(EvidenceError):
    """Who signs was not reached, or has no room for more now; the same may succeed later."""


class RegistryUnavailable(EvidenceError):
    """The registry was not reached, or did not answer as it should, within the limits on time and tries."""


class RegistryRefused(EvidenceError):
    """The registry does not allow it, or has no such thing; ``status`` is what it answered, where it did."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
