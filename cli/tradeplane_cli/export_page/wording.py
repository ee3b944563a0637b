"""What the page says of a verdict, in words for a person who has not read the documentation; and text of strangers.

Escaping markup is the template's. What stands here is what escaping leaves: characters that are not seen, or that turn
the direction of what follows, by which a name could show as another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradeplane_evidence.verification.checks import Check

MAX_TEXT = 2_000
"""Characters of one text on the page; ``runs.json`` has all of it."""
NOTHING = "\u2014"
"""An em dash, where there is nothing to show."""

_PLAIN = {
    "CertificateRefused": "It is not signed by the person or the service that was asked for.",
    "DigestMismatch": "The registry gave other bytes than the digest names. Do not rely on what it shows.",
    "KeyRefused": "It is not signed by a key that was given, or by one that may not be relied on for that time.",
    "LogEntryRefused": "It does not stand in the public log that was asked for.",
    "Malformed": "What the registry holds has not the form it must have, so that nothing can be read from it.",
    "NotAttested": "Nothing signed vouches for it: there are results, and nobody says where they come from.",
    "PolicyRefused": "It is signed by a trusted key, and what is signed is not what was asked for.",
    "RegistryRefused": "The registry does not have it, or not any more.",
    "ReplayDiverged": "It was run again by its own image and came to something else, as a trusted key signed.",
    "ResultsChanged": "A file of the run is not the one that the run left: it was changed before it was signed.",
    "RuleRefused": "It is signed by who is relied on, and what is signed is not what was asked for.",
    "SignatureRefused": "Its signature is not of these bytes: what was signed was changed afterwards.",
    "TimestampRefused": "The time in it was not given to this signature by a timestamp authority that is trusted.",
}
_FILES_CHANGED = "A file in the registry is not the one that was signed, or is not all there."
_RESULT_CHANGED = "What the files say is not what was signed of them."
_UNKNOWN = "It could not be verified."


def plain_words(check: Check) -> str:
    """Return what a check that failed means."""
    if check.error == "PolicyRefused" and check.name == "files":
        return _FILES_CHANGED
    if check.error == "PolicyRefused" and check.name in {"result", "inputs"}:
        return _RESULT_CHANGED
    return _PLAIN.get(check.error or "", _UNKNOWN)


def visible(text: str, most: int = MAX_TEXT) -> str:
    r"""Return a text of which all is seen.

    Characters without a shape, and those that turn the direction of what follows, are written as ``\u202e``; breaks of
    lines become spaces. A longer text ends with an ellipsis.
    """
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(_seen(character) for character in cut)


def _seen(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def short(digest: str | None) -> str:
    """Return the beginning of a digest, enough to tell it from others by eye."""
    if digest is None:
        return NOTHING
    algorithm, colon, value = digest.rpartition(":")
    return f"{algorithm}{colon}{value[:12]}…" if len(value) > 13 else digest


def last_step(uri: str) -> str:
    """Return what a URI ends with."""
    return uri.rstrip("/").rpartition("/")[2] or uri


def builder_name(uri: str) -> str:
    """Return the part of a builder's URI by which builders are told apart: what follows ``builders/``, or the end."""
    _, named, name = uri.rstrip("/").partition("/builders/")
    return name if named and name else last_step(uri)


def size(count: int) -> str:
    """Return bytes as people read them."""
    if count < 1_024:
        return f"{count} B"
    return f"{count / 1_024:,.1f} KiB" if count < 1_024**2 else f"{count / 1_024**2:,.1f} MiB"
