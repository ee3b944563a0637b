"""What checks found, and how anybody makes them, as every command that verifies or attests shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_evidence.statements.provenance import PREDICATE_TYPE

from tradeplane_cli.printing import GAP, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.checks import Check, Checks


def checks_as_json(found: Checks) -> dict[str, Any]:
    """Return what was asked, and what each check says, as docs/cli.md states."""
    return {
        "reference": str(found.reference),
        "verified": found.passed,
        "checks": said_of(found.checks),
    }


def said_of(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Return what each check says, as docs/cli.md states."""
    return [
        {
            "name": check.name,
            "passed": check.passed,
            "message": check.words,
            **({} if check.passed else {"error": check.error}),
        }
        for check in checks
    ]


def checks_as_text(checks: Sequence[Check]) -> str:
    """Return lines for people: one a check."""
    width = max(len(check.name) for check in checks)
    return "\n".join(
        f"{'ok  ' if check.passed else 'FAIL'} {check.name.ljust(width)}{GAP}{printable(check.words)}"
        for check in checks
    )


def how_to_verify(reference: Reference, signer: str, *, keyless: bool) -> list[str]:
    """Return lines for people on how what was just attested is verified; ``signer``: who signed, where keylessly."""
    if keyless:
        who = f"--certificate-identity {signer} --certificate-oidc-issuer ISSUER --trusted-root ROOT.json"
        return [
            "Anybody with the trusted root of the instance verifies it:",
            f"  tradeplane verify {reference} {who}",
            f"  cosign verify-attestation {who} --use-signed-timestamps --type {PREDICATE_TYPE} {reference}",
        ]
    tlog = "--insecure-ignore-tlog"
    return [
        "Anybody with the public key verifies it:",
        f"  tradeplane verify {reference} --key KEY.pub",
        f"  cosign verify-attestation --key KEY.pub {tlog} --type {PREDICATE_TYPE} {reference}",
    ]
