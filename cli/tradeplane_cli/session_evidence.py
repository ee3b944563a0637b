"""Verifying a session in a registry, and replaying it here, as ``tradeplane verify`` does it and shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.run import ExitCode
from tradeplane_evidence.verification.checks import Check
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.progress import stage
from tradeplane_cli.replay_data import refuse_image
from tradeplane_cli.told_checks import checks_as_json, checks_as_text

if TYPE_CHECKING:
    from tradeplane_evidence.verification.sessions import SessionVerification

    from tradeplane_cli.replay_data import Data


@dataclass(frozen=True, slots=True)
class VerifiedSession:
    """What was found of a session in a registry."""

    verification: SessionVerification

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = self.verification
        return {
            **checks_as_json(found),
            "snapshot": found.snapshot,
            "replays": [one.as_json() for one in found.replays.claims],
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        return checks_as_text(self.verification.checks)

    def run_again(self, data: Data, *, in_image: bool = False) -> bool:
        """Replay what was verified, here and from a store, and add what came of it as a check.

        What a session was fed is in no registry. Returns whether it came to the same. Raises CommandFailure where it is
        not in the store, and what the replay raises: DataRefused where it is not whole there.
        """
        from tradeplane_workloads.replay.sessions import replay_session

        refuse_image(self.verification.reference, "a session", in_image=in_image)
        snapshot = self.verification.snapshot
        if snapshot is None:
            raise CommandFailure("there is no session to replay", remedy="verify a session that was attested")
        store = open_store(data.own_url)
        if not store.exists(layout.snapshot_manifest(snapshot)):
            raise CommandFailure(
                f"session {snapshot} is not in the store {data.own_url}, and what a session was fed is in no registry",
                code=ExitCode.REFUSED,
                remedy=f"give the store that it was sealed into by --store, as its trader's namespace has it: it needs "
                f"{layout.snapshot_folder(snapshot)} with each part, and, where the exchange was simulated on recorded "
                "data, the snapshots of these",
            )
        with stage(f"Replaying {snapshot}") as say:
            verdict = replay_session(store, snapshot, say).verdict
        words = f"decisions {verdict.decisions.value}, execution {verdict.execution.value} on this machine"
        if verdict.exact:
            self.verification.say("replay", f"{words}, from the records of the store")
        else:
            advice = f"tradeplane replay {snapshot} shows where they part"
            self.verification.checks.append(Check("replay", f"{words}; {advice}", "Diverged"))
        return verdict.exact
