"""The operator attests runs as a service account, without a key: by an API server's own tokens, and real programs."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tradeplane_evidence.errors import RegistryRefused
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import parse_reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_operator.acting.claimed_bundles import ClaimedBundles
from tradeplane_operator.planning.attesting import AttestationEnd
from tradeplane_stacks.local.control_plane import ISSUER

from tests.integration.evidence.conftest import listing_referrers
from tests.integration.evidence.private_instance import Instance, private_instance
from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.owed_runs import OwedRuns
from tests.integration.operator.processes import SOON_OVER
from tests.integration.operator.test_attestations import _attestations, _ended, _says
from tests.ports import free_port
from tests.unit.cli.conftest import tradeplane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.operator.processes import OperatorProcess
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

Json = dict[str, Any]
__all__ = ["tradeplane"]

NAMESPACE = "keyless-operator"
SUBJECT = f"https://kubernetes.io/namespaces/{NAMESPACE}/serviceaccounts/tradeplane-operator"
WHO = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)


@dataclass(frozen=True)
class Projected:
    """An instance, and the file that a kubelet would keep a service account's token in."""

    instance: Instance
    cluster: EmbeddedCluster
    file: Path

    def write(self, account: str = "tradeplane-operator") -> None:
        """Write a token of an account, as a kubelet does."""
        asked = ("create", "token", account, "--namespace", NAMESPACE, "--audience", "sigstore", "--duration", "600s")
        self.file.write_text(self.cluster.client.run(*asked))

    def write_expired(self) -> str:
        """Write what a token is once it is over; return it."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": "operator", "aud": "sigstore", "iat": now - 700, "exp": now - 100}
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        self.file.write_text(".".join([*encoded, "c2lnbmF0dXJl"]))
        return self.file.read_text()

    @property
    def uri(self) -> str:
        """The signer of it."""
        return f"keyless:{self.instance.trust_config}?token-file={self.file}&identity={quote(SUBJECT, safe='')}"

    @property
    def root(self) -> tuple[str, str]:
        """The option by which an auditor relies on the instance."""
        return ("--trusted-root", str(self.instance.trusted_root))

    def entries(self) -> int:
        """Return how many entries the transparency log has: the second line of its checkpoint."""
        checkpoint = self.instance.trust_config.parent / "rekor-log" / "checkpoint"
        return int(checkpoint.read_text().splitlines()[1])


@pytest.fixture(scope="module")
def instance(control_plane: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Run an instance that takes the tokens of two service accounts."""
    control_plane.client.run("create", "namespace", NAMESPACE)
    for account in ("tradeplane-operator", "somebody"):
        control_plane.client.run("create", "serviceaccount", account, "--namespace", NAMESPACE)
    with private_instance(tmp_path_factory.mktemp("sigstore"), control_plane.client) as instance:
        yield instance


@pytest.fixture
def projected(instance: Instance, control_plane: EmbeddedCluster, tmp_path: Path) -> Projected:
    """Give the place of a token; nothing is there yet."""
    return Projected(instance, control_plane, tmp_path / "token")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """Run a registry."""
    with listing_referrers(f"127.0.0.1:{free_port()}", tmp_path / "registry.log", "--store-type", "mem") as found:
        yield found


def _evidence(host: str, projected: Projected) -> Json:
    common = {"registry": f"{host}/runs", "plainHttp": True, "againSeconds": 1, "mostSeconds": 2}
    return {"evidence": common | {"signer": projected.uri}}


async def _verified(tradeplane: Command, reference: str, *arguments: str) -> Ended:
    """Call ``tradeplane verify`` beside the loop: it runs one of its own."""
    return await asyncio.to_thread(tradeplane, "verify", reference, *arguments)


async def _names_nothing(host: str, bench: Bench) -> bool:
    """Whether a registry has no artifact of the test: blobs that nothing names are none."""
    async with Registry(host, plain_http=True) as registry:
        try:
            found, _ = await registry.listing(f"/v2/runs/{bench.namespace}/hold/tags/list", "registry:catalog:*")
        except RegistryRefused as refused:
            return refused.status == 404
        return not json.loads(found).get("tags")


async def test_a_run_is_attested_by_who_the_operator_is(
    bench: Bench, operators: Callable[..., OperatorProcess], projected: Projected, host: str, tradeplane: Command
) -> None:
    projected.write()
    operator = operators(**_evidence(host, projected))
    await _ended(bench)
    attestation = (await _says(bench, "Attested"))["status"]["latest"]["attestation"]
    assert (attestation["identity"], attestation["issuer"]) == (SUBJECT, ISSUER)
    assert "key" not in attestation
    reference = attestation["reference"]
    ended = await _verified(tradeplane, reference, *WHO, *projected.root, "--require-timestamp")
    assert ended.code == 0, ended.out + ended.err
    assert f"by {SUBJECT} (by {ISSUER})" in ended.out
    other = ("--certificate-identity", SUBJECT.replace("tradeplane-operator", "somebody"), *WHO[2:])
    assert (await _verified(tradeplane, reference, *other, *projected.root)).code == 3
    assert projected.file.read_text().split(".")[1] not in operator.log


async def test_a_token_of_somebody_else_attests_nothing(
    bench: Bench, operators: Callable[..., OperatorProcess], projected: Projected, host: str
) -> None:
    projected.write("somebody")
    operators(**_evidence(host, projected))
    await _ended(bench)
    strategy = await _says(bench, "SignerRefused")
    assert "not what an auditor would accept" in condition(strategy, "Attested")["message"]
    assert condition(strategy, "Completed")["status"] == "True"
    assert "attestation" not in strategy["status"]["latest"]
    assert await _names_nothing(host, bench)
    projected.write()
    strategy = await _says(bench, "Attested")
    assert len(await _attestations(strategy)) == 1
    assert not await _names_nothing(host, bench)


async def test_a_token_that_is_missing_or_over_is_said_and_waited_for(
    bench: Bench, operators: Callable[..., OperatorProcess], projected: Projected, host: str
) -> None:
    operators(**_evidence(host, projected))
    await _ended(bench)
    strategy = await _says(bench, "SignerRefused")
    assert f"{projected.file} cannot be read: No such file" in condition(strategy, "Attested")["message"]
    expired = projected.write_expired()
    strategy = await _says(bench, "SignerUnavailable")
    message = condition(strategy, "Attested")["message"]
    assert "whoever gives it must renew it" in message
    assert expired.split(".")[1] not in message
    assert await _names_nothing(host, bench)
    projected.write()
    await _says(bench, "Attested")


async def test_what_was_signed_before_a_restart_is_not_signed_again(
    bench: Bench, operators: Callable[..., OperatorProcess], projected: Projected, host: str
) -> None:
    """An operator is killed between what it pushed and the record of it."""
    projected.write()
    settings = _evidence(host, projected) | SOON_OVER
    first = operators(**settings)
    await _ended(bench)
    before = (await _says(bench, "Attested"))["status"]["latest"]["attestation"]
    first.kill()
    _, claimed = await ClaimedBundles(bench.client, bench.namespace).read()
    assert len(claimed) == 1, "it was claimed before it was pushed"
    entries = projected.entries()
    assert entries > 0
    place = f"{bench._path('strategies', 'hold')}/status"
    await bench.client.merge_patch(place, {"status": {"latest": {"attestation": None}}})
    assert "attestation" not in (await bench.strategy("hold"))["status"]["latest"]
    projected.write()  # another token of the same account, as after 480 seconds
    operators(**settings)

    async def recorded() -> Json | None:
        strategy = await bench.strategy("hold")
        return strategy if "attestation" in strategy["status"]["latest"] else None

    strategy = await eventually(recorded, "the attestation to be recorded again")
    after = strategy["status"]["latest"]["attestation"]
    assert (after["attestation"], after["reference"]) == (before["attestation"], before["reference"])
    assert await _attestations(strategy) == [before["attestation"]]
    assert projected.entries() == entries


async def test_within_a_quota_many_are_one_statement(
    projected: Projected, host: str, tmp_path: Path, tradeplane: Command
) -> None:
    projected.write()
    entries, runs = projected.entries(), 6
    (tmp_path / "runs").mkdir()
    owed = OwedRuns.written(tmp_path / "runs", runs, strategies=2, equity_bytes=100)
    found = await owed.attest(host, 0.5, projected.uri)
    assert [one.end for one in found] == [AttestationEnd.DONE] * runs, found
    assert 1 <= projected.entries() - entries < runs
    for one in found:
        assert one.attestation is not None
        assert (one.attestation.key, one.attestation.identity) == (None, SUBJECT)
        ended = await _verified(tradeplane, one.attestation.reference, *WHO, *projected.root)
        assert ended.code == 0, ended.out + ended.err
    again = await owed.attest(host, 0.5, projected.uri)
    assert [one.attestation.attestation for one in again if one.attestation] == [
        one.attestation.attestation for one in found if one.attestation
    ]


async def test_a_referrer_of_somebody_else_is_not_taken_for_one_before(
    projected: Projected, host: str, tmp_path: Path
) -> None:
    """Whoever may push to a registry could hang anything on a run: what the operator has not signed counts for none."""
    projected.write()
    (tmp_path / "runs").mkdir()
    owed = OwedRuns.written(tmp_path / "runs", 1, strategies=1, equity_bytes=100)
    (theirs,) = await owed.attest(host, 100.0)  # by a key
    (ours,) = await owed.attest(host, 100.0, projected.uri)
    assert theirs.attestation is not None
    assert ours.attestation is not None
    assert ours.attestation.reference == theirs.attestation.reference
    assert ours.attestation.attestation != theirs.attestation.attestation
    assert (ours.attestation.key, ours.attestation.identity, ours.attestation.issuer) == (None, SUBJECT, ISSUER)
    reference = parse_reference(ours.attestation.reference)
    async with Registry(host, plain_http=True) as registry:
        assert len(await list_referrers(registry, reference.repository, reference.digest or "")) == 2
