"""What a replayed session's account comes to, held to what the session was sealed with. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.parity import FirstDivergence, Parity

from tradeplane_workloads.sessions.account import account_of, first_difference

if TYPE_CHECKING:
    from tradeplane_api.parity import Verdict

    from tradeplane_workloads.sessions.bundle import Bundle
    from tradeplane_workloads.sessions.replaying import Verdict as Decided

ACCOUNT = "account"
"""Part in which a divergence is where every record is the same, and what they come to is not."""


def held_to_account(bundle: Bundle, decided: Decided, verdict: Verdict) -> Verdict:
    """Return a verdict whose execution diverged where the account does: cash is of execution, whoever judges the fills.

    Of a session without one, of one whose decisions part, and of one that a crash ended amid an input, it stays as it
    is: the first was sealed before there were accounts, and of the others they are not of the same records.
    """
    sealed = None if bundle.manifest.session is None else bundle.manifest.session.account
    if sealed is None or decided.run is None or decided.difference is not None or decided.torn:
        return verdict
    symbols = [one.symbol for one in bundle.specification.instruments]
    found = first_difference(sealed, account_of(decided.run, symbols))
    if found is None:
        return verdict
    field, expected, got = found
    parted = FirstDivergence(part=ACCOUNT, sequence=bundle.survey.records, field=field, expected=expected, got=got)
    return verdict.model_copy(update={"execution": Parity.DIVERGED, "divergence": verdict.divergence or parted})
