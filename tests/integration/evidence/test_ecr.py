"""Amazon ECR is logged in to by what AWS gives (moto's server): once for everybody, and anew before it ends."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.ecr.responses import ECRResponse
from moto.server import ThreadedMotoServer
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.errors import RegistryRefused, RegistryUnavailable
from tradeplane_evidence.registry import ecr
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.credentials import Credentials, credentials_for
from tradeplane_evidence.registry.ecr import EcrRegistry, EcrTokens
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signing.batches import Alone

from tests.integration.evidence.conftest import distribution
from tests.ports import free_port
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
REGISTRY = EcrRegistry("123456789012", "eu-west-1")
GIVEN = Credentials("AWS", "123456789012-auth-token")
"""What moto gives for that account."""
ENDS = datetime(2015, 1, 1, tzinfo=UTC)
"""When it says that it ends."""
HTPASSWD = "AWS:$2y$05$abcdefghijklmnopqrstuu/4ofrUS75HrKu6f.iuRo0I/XlrmpqlC\n"
"""The password above, by bcrypt."""


class Clock:
    """A time that a test has pass; ``jump`` is by how much the time of day was set."""

    def __init__(self) -> None:
        self.now = ENDS - timedelta(hours=12)
        self.jump = timedelta()

    def __call__(self) -> datetime:
        return self.now + self.jump

    def steady(self) -> float:
        return self.now.timestamp()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def clock(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clock:
    """Give the time of the tokens of this process, in an environment that has an identity of AWS and no docker."""
    for name, value in {
        "AWS_ENDPOINT_URL_ECR": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "no-such-file"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-such-file"),
        "DOCKER_CONFIG": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    monkeypatch.setattr(ecr, "TOKENS", EcrTokens(clock, clock.steady))
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give the registries that moto was asked for, one entry a request."""
    counted: list[Any] = []
    answer = ECRResponse.get_authorization_token

    def counting(self: ECRResponse) -> Any:
        counted.append((self._get_param("registryIds"), self.region))
        return answer(self)

    monkeypatch.setattr(ECRResponse, "get_authorization_token", counting)
    return counted


def _answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def answering(_: ECRResponse) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ECRResponse, "get_authorization_token", answering)


@pytest.mark.usefixtures("clock")
def test_account_and_region_of_the_host_are_asked_for(asked: list[Any]) -> None:
    assert credentials_for(HOST) == GIVEN
    assert asked == [(["123456789012"], "eu-west-1")]
    other = credentials_for("210987654321.dkr-ecr.us-east-1.on.aws")
    assert other == Credentials("AWS", "210987654321-auth-token")
    assert asked[1:] == [(["210987654321"], "us-east-1")]


@pytest.mark.usefixtures("clock")
async def test_a_token_is_asked_for_once_for_everybody(asked: list[Any]) -> None:
    found = await asyncio.gather(*(asyncio.to_thread(credentials_for, HOST) for _ in range(16)))
    assert found == [GIVEN] * 16
    assert len(asked) == 1


def test_a_token_is_renewed_shortly_before_it_ends(clock: Clock, asked: list[Any]) -> None:
    for before, requests in ((timedelta(hours=12), 1), (timedelta(minutes=11), 1), (timedelta(minutes=10), 2)):
        clock.now = ENDS - before
        assert credentials_for(HOST) == GIVEN
        assert len(asked) == requests


@pytest.mark.parametrize("jump", [timedelta(days=-2), timedelta(days=2)])
def test_a_clock_that_jumps_neither_ends_a_token_nor_keeps_it(clock: Clock, asked: list[Any], jump: timedelta) -> None:
    assert credentials_for(HOST) == GIVEN
    clock.jump = jump
    for before, requests in ((timedelta(minutes=11), 1), (timedelta(minutes=10), 2)):
        clock.now = ENDS - before
        assert credentials_for(HOST) == GIVEN
        assert len(asked) == requests


@pytest.mark.usefixtures("clock")
async def test_a_run_is_attested_in_a_registry_that_asks_for_it(
    tmp_path: Path, signer: FileSigner, asked: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    with distribution(tmp_path, f"auth: {{htpasswd: {{realm: tests, path: {tmp_path / 'htpasswd'}}}}}") as host:

        def as_ecr(_: str) -> Credentials | None:
            return credentials_for(HOST)

        async with Registry(host, plain_http=True, credentials=as_ecr) as registry:
            attested = await attest_run(
                sample_runs.stored(), registry, Reference(host, "runs/ecr"), Alone(signer), sample_runs.EXECUTION
            )
            data, _ = await registry.manifest(attested.reference)
    assert data
    assert len(asked) == 1
    assert "auth-token" not in caplog.text
    assert "QVdTOjEyMzQ1" not in caplog.text
    assert "auth-token" not in repr(ecr.TOKENS)


@pytest.mark.usefixtures("clock")
def test_who_may_not_is_told_which_right_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = JsonRESTError("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized")
    _answering(monkeypatch, denied)
    with pytest.raises(
        RegistryRefused, match=r"GetAuthorizationToken: AccessDeniedException: .* allow ecr:GetAuthorizationToken on"
    ) as refused:
        credentials_for(HOST)
    assert isinstance(refused.value.__cause__, ClientError)
    assert "123456789012 in eu-west-1" in str(refused.value)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("code", ["ServerException", "ThrottlingException"])
def test_what_may_pass_is_tried_again_and_told_apart(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    _answering(monkeypatch, JsonRESTError(code, "not now"))
    with pytest.raises(RegistryUnavailable, match=f"{code}: not now; tried 3 times"):
        credentials_for(HOST)


@pytest.mark.usefixtures("clock")
def test_an_endpoint_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RegistryUnavailable, match="Could not connect"):
        credentials_for(HOST)


@pytest.mark.usefixtures("clock")
def test_who_has_no_identity_of_aws_is_told_so(monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(RegistryRefused, match="Unable to locate credentials; give the process an identity of AWS"):
        credentials_for(HOST)
    assert asked == []


@pytest.mark.usefixtures("clock")
def test_a_refusal_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as refusing:
        _answering(refusing, JsonRESTError("AccessDeniedException", "no"))
        with pytest.raises(RegistryRefused):
            credentials_for(HOST)
    assert credentials_for(HOST) == GIVEN


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "answer",
    [
        '{"authorizationData": []}',
        '{"authorizationData": [{"expiresAt": 1420070400}]}',
        '{"authorizationData": [{"authorizationToken": "c2VjcmV0OnNlY3JldA=="}]}',
        '{"authorizationData": [{"authorizationToken": "' + "c2Vj" * 5_000 + '", "expiresAt": 1420070400}]}',
    ],
)
def test_an_answer_without_a_token_and_its_end_is_none(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    _answering(monkeypatch, answer)
    with pytest.raises(RegistryUnavailable, match="did not answer with one token and its end") as refused:
        credentials_for(HOST)
    assert "c2Vj" not in str(refused.value)


@pytest.mark.usefixtures("clock")
def test_a_host_that_only_looks_like_one_has_nothing_asked_for(asked: list[Any]) -> None:
    assert credentials_for(f"{HOST}.evil.example") is None
    assert asked == []
