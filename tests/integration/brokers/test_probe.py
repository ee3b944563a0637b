"""The probe against a stand-in for a broker: what it reports where all is well, and in each way in which it is not."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tradeplane_api.broker_connection import CredentialsState, RateLimits
from tradeplane_api.probe import ProbeOutcome, ProbeReport, ProbeSpecification
from tradeplane_api.venue import Endpoint, Market
from tradeplane_stacks.local.certificates import CLUSTER, Certificates, Leaf
from tradeplane_workloads.brokers import binance
from tradeplane_workloads.brokers.probe import probe

from tests.integration.brokers.stand_in import KEY, SECRET, StandIn, babbling, listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder as a Secret is mounted."""
    (tmp_path / "apiKey").write_text(KEY + "\n")
    (tmp_path / "apiSecret").write_text(SECRET + "\n")
    return tmp_path


def _asked(endpoint: Endpoint, **others: Any) -> ProbeSpecification:
    return ProbeSpecification(**{"market": Market.SPOT, "endpoint": endpoint, "secret": "keys"} | others)


async def _probe(stand_in: StandIn, folder: Path, **others: Any) -> ProbeReport:
    async with listening(stand_in):
        return await probe(_asked(stand_in.endpoint, **others), folder)


@pytest.mark.parametrize("market", list(Market))
async def test_a_broker_that_answers_is_connected(folder: Path, market: Market) -> None:
    stand_in, begun = StandIn(), time.monotonic()
    report = await _probe(stand_in, folder, market=market)
    took = (time.monotonic() - begun) * 1_000_000
    assert report.outcome is ProbeOutcome.CONNECTED, report
    assert report.credentials is CredentialsState.ACCEPTED
    assert report.streams is True
    assert report.latency_microseconds is not None
    assert 0 < report.latency_microseconds < took
    assert report.clock_skew_microseconds is not None
    assert abs(report.clock_skew_microseconds) < took
    assert sum(stand_in.asked.values()) == 8


async def test_public_data_need_no_credentials(tmp_path: Path) -> None:
    stand_in = StandIn()
    report = await _probe(stand_in, tmp_path, secret=None)
    assert (report.outcome, report.credentials) == (ProbeOutcome.CONNECTED, CredentialsState.NONE)
    assert "/api/v3/account" not in stand_in.asked


async def test_a_secret_that_is_not_there_is_named_and_the_broker_is_not_asked(tmp_path: Path) -> None:
    stand_in = StandIn()
    report = await _probe(stand_in, tmp_path)
    assert report.outcome is ProbeOutcome.SECRET_MISSING
    assert "there is no Secret 'keys'" in report.message
    assert report.credentials is CredentialsState.UNKNOWN
    assert stand_in.asked == {}


async def test_another_key_is_refused_and_after_it_is_renewed_accepted(folder: Path) -> None:
    async with listening(StandIn(key="another")) as stand_in:
        refused = await probe(_asked(stand_in.endpoint), folder)
        assert refused.outcome is ProbeOutcome.CREDENTIALS_REFUSED
        assert refused.credentials is CredentialsState.REFUSED
        assert "-2015" in refused.message
        (folder / "apiKey").write_text("another")
        accepted = await probe(_asked(stand_in.endpoint), folder)
    assert accepted.outcome is ProbeOutcome.CONNECTED


async def test_another_secret_is_refused(folder: Path) -> None:
    report = await _probe(StandIn(secret="another"), folder)  # noqa: S106 - nobody's
    assert report.outcome is ProbeOutcome.CREDENTIALS_REFUSED
    assert "apiSecret belongs to another apiKey" in report.message
    assert report.latency_microseconds is not None, "what was measured before is told too"


@pytest.mark.parametrize(("status", "wait"), [(429, 17), (418, 1_800)])
@pytest.mark.parametrize("path", ["/api/v3/time", "/api/v3/account", "/ws"])
async def test_a_broker_that_limits_is_left_alone(folder: Path, status: int, wait: int, path: str) -> None:
    limits = web.Response(status=status, headers={"Retry-After": str(wait)})
    stand_in = StandIn(answers={path: limits})
    report = await _probe(stand_in, folder)
    assert (report.outcome, report.retry_after_seconds) == (ProbeOutcome.RATE_LIMITED, wait)
    assert stand_in.asked[path] == 1, "it is not asked again"


async def test_no_more_is_asked_than_the_limit_lets_by_the_broker_s_own_count(folder: Path) -> None:
    stand_in = StandIn(weight=195)
    report = await _probe(stand_in, folder, rate_limits=RateLimits(weight_per_minute=200))
    assert report.outcome is ProbeOutcome.RATE_LIMITED
    assert "195 of the broker's weight is used" in report.message
    assert "/api/v3/account" not in stand_in.asked


@pytest.mark.parametrize(("skew", "words"), [(5_000, "ahead of"), (-5_000, "behind")])
async def test_a_clock_that_is_off_is_said_and_is_not_taken_for_a_wrong_key(
    folder: Path, skew: int, words: str
) -> None:
    begun = time.monotonic()
    report = await _probe(StandIn(skew_milliseconds=skew), folder)
    took = (time.monotonic() - begun) * 1_000_000
    assert report.outcome is ProbeOutcome.CLOCK_SKEWED
    assert words in report.message
    assert report.credentials is CredentialsState.ACCEPTED
    assert report.clock_skew_microseconds is not None
    assert abs(report.clock_skew_microseconds - 1_000 * skew) < took


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/api/v3/time", web.Response(text="<html>Welcome</html>"), "not JSON"),
        ("/api/v3/time", web.Response(text="[]"), "no JSON object"),
        ("/api/v3/time", web.Response(text='{"serverTime": "now"}'), "no serverTime"),
        ("/api/v3/time", web.Response(status=404, text="nothing"), "answered 404"),
        ("/api/v3/time", web.Response(status=307, headers={"Location": "/fapi/v1/time"}), "sends elsewhere"),
        ("/api/v3/time", web.Response(body=b"x" * 20_000), "more than 16384 bytes"),
        ("/api/v3/time", web.Response(body=b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"}), "not JSON"),
        ("/api/v3/account", web.Response(text="{}"), "no balances"),
        ("/api/v3/account", web.Response(text='{"balances": {}}'), "no balances"),
        ("/ws", web.Response(text="hello"), "opened no WebSocket"),
        ("/ws", web.Response(status=404), "opened no WebSocket"),
    ],
)
async def test_what_is_not_the_api_is_said_to_be_none(
    folder: Path, path: str, answer: web.Response, words: str
) -> None:
    report = await _probe(StandIn(answers={path: answer}), folder)
    assert report.outcome is ProbeOutcome.NOT_THE_API_EXPECTED, report
    assert words in report.message


async def test_a_broker_that_sends_the_key_back_does_not_get_it_into_the_report(folder: Path) -> None:
    said = web.json_response({"code": -1, "msg": f"what is {KEY} or {SECRET}?"}, status=400)
    report = await _probe(StandIn(answers={"/api/v3/account": said}), folder)
    assert "what is [key] or [secret]?" in report.message
    assert KEY not in report.model_dump_json()
    assert SECRET not in report.model_dump_json()


@pytest.mark.parametrize("data", [b"220 mail.example ESMTP\r\n", b"\x00" * 64, b"HTTP/9.9 what\r\n\r\n"])
async def test_what_speaks_no_http_is_not_the_api(folder: Path, data: bytes) -> None:
    async with babbling(data) as endpoint:
        report = await probe(_asked(endpoint), folder)
    assert report.outcome is ProbeOutcome.NOT_THE_API_EXPECTED, report


@pytest.mark.parametrize("path", ["/api/v3/time", "/api/v3/account", "/ws"])
async def test_a_broker_that_stalls_is_given_up(folder: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance, "REQUEST_SECONDS", 0.3)
    report = await _probe(StandIn(stalls={path}), folder)
    assert report.outcome is ProbeOutcome.ENDPOINT_UNREACHABLE
    assert "no answer within 0.3 s" in report.message
    assert "NetworkPolicy" in report.message


@pytest.mark.parametrize("path", ["/api/v3/time", "/api/v3/account", "/ws"])
async def test_a_broker_that_drops_the_connection_is_unreachable(folder: Path, path: str) -> None:
    report = await _probe(StandIn(drops={path}), folder)
    assert report.outcome is ProbeOutcome.ENDPOINT_UNREACHABLE
    assert "closed before the answer" in report.message


async def test_nobody_there_is_unreachable(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        endpoint = Endpoint(rest=f"http://127.0.0.1:{port}", stream=f"ws://127.0.0.1:{port}")
        report = await probe(_asked(endpoint), folder)
    assert report.outcome is ProbeOutcome.ENDPOINT_UNREACHABLE
    assert "no connection" in report.message


async def test_a_name_that_does_not_exist_is_unreachable(folder: Path) -> None:
    endpoint = Endpoint(rest="http://broker.invalid", stream="ws://broker.invalid")
    report = await probe(_asked(endpoint), folder)
    assert report.outcome is ProbeOutcome.ENDPOINT_UNREACHABLE
    assert "there is no such host" in report.message


async def _process(environment: dict[str, str]) -> tuple[int, str]:
    """Run the probe as a pod does; return its exit code and what it wrote to stderr."""
    command = (sys.executable, "-m", "tradeplane_workloads.brokers.probe")
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | environment, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.fixture
def pod(folder: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Give what a pod's environment is for an endpoint."""

    def environment(endpoint: Endpoint) -> dict[str, str]:
        return {
            "TRADEPLANE_PROBE": _asked(endpoint).model_dump_json(exclude_none=True),
            "TRADEPLANE_CREDENTIALS": str(folder),
            "TRADEPLANE_TERMINATION_LOG": str(tmp_path / "termination"),
        }

    return environment


async def test_as_a_pod_it_leaves_its_report_and_nothing_secret(
    pod: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    async with listening(StandIn()) as stand_in:
        code, said = await _process(pod(stand_in.endpoint))
    report = ProbeReport.model_validate_json((tmp_path / "termination").read_bytes())
    assert (code, report.outcome) == (0, ProbeOutcome.CONNECTED)
    assert json.loads(said)["outcome"] == "Connected"
    assert KEY not in said
    assert SECRET not in said


async def test_as_a_pod_that_finds_nobody_it_ends_well_too(pod: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    code, _ = await _process(pod(Endpoint(rest="http://broker.invalid", stream="ws://broker.invalid")))
    report = ProbeReport.model_validate_json((tmp_path / "termination").read_bytes())
    assert (code, report.outcome) == (0, ProbeOutcome.ENDPOINT_UNREACHABLE)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"market": "Spot", "endpoint": 7}'])
async def test_a_specification_that_cannot_be_read_is_named(text: str) -> None:
    code, said = await _process({"TRADEPLANE_PROBE": text})
    assert code == 2
    assert "TRADEPLANE_PROBE holds no specification of a probe" in said


def _certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Return what a server of localhost shows, and the file of who vouches for it."""
    made = Certificates(tmp_path / "certificates")
    leaf = Leaf("broker", CLUSTER, "broker", names=("localhost",), server=True)
    made.ensure([leaf], datetime.datetime.now(datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate("broker"), made.key("broker"))
    return context, made.certificate(CLUSTER)


async def test_an_encrypted_connection_is_checked(pod: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    context, trusted = _certified(tmp_path)
    async with listening(StandIn(), context) as stand_in:
        environment = pod(stand_in.endpoint)
        for vouched, outcome in (({}, "EndpointUnreachable"), ({"SSL_CERT_FILE": str(trusted)}, "Connected")):
            code, said = await _process(environment | vouched)
            assert (code, json.loads(said)["outcome"]) == (0, outcome), said


async def test_no_run_loads_what_speaks_to_brokers() -> None:
    program = (
        "import sys, tradeplane_workloads.runner.__main__, tradeplane_workloads.runner.execution; "
        "print([name for name in sys.modules if name.split('.')[0] == 'aiohttp' or '.brokers' in name])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert said.decode().strip() == "[]"
