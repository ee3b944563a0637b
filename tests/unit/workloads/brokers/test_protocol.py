"""What is sent to a broker and what its answers mean, without a socket."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.probe import MOST_WAIT_SECONDS, ProbeOutcome, ProbeReport
from tradeplane_api.run import MAX_TERMINATION_BYTES
from tradeplane_workloads.brokers.answers import object_of, value_of
from tradeplane_workloads.brokers.credentials import Credentials, read_credentials
from tradeplane_workloads.brokers.errors import (
    BrokerError,
    ClockRefused,
    CredentialsRefused,
    EndpointUnreachable,
    NotTheApiExpected,
    RateLimited,
    SecretMissing,
    shown,
)
from tradeplane_workloads.brokers.measuring import Sample, latency, median, server_time, skew
from tradeplane_workloads.brokers.signing import signed_query

if TYPE_CHECKING:
    from pathlib import Path

WHAT = "GET /api/v3/account"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 - Binance's documentation's


def test_the_signature_is_that_of_the_documentation_s_example() -> None:
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    signed = signed_query(dict(parse_qsl(query)), SECRET, 1_499_827_319_559)
    assert signed == (
        f"{query}&recvWindow=5000&timestamp=1499827319559"
        "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=6), st.text(max_size=100))
def test_any_parameters_are_encoded_as_forms_are_and_signed_with_the_signature_last(
    parameters: dict[str, str], secret: str
) -> None:
    signed = signed_query(parameters, secret, 5)
    query = urlencode({**parameters, "recvWindow": "5000", "timestamp": "5"})
    assert signed == f"{query}&signature={hmac.digest(secret.encode(), query.encode(), 'sha256').hex()}"


def _answer(status: int, body: Any = None, **headers: str) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return object_of(value_of(status, given, data, WHAT), WHAT)


def test_an_object_is_an_answer() -> None:
    assert _answer(200, {"serverTime": 1}) == {"serverTime": 1}


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, {"code": -1022, "msg": "x"}, CredentialsRefused, "apiSecret belongs to another apiKey"),
        (400, {"code": -2008, "msg": "x"}, CredentialsRefused, "there is no such key"),
        (401, {"code": -2014, "msg": "x"}, CredentialsRefused, "apiKey holds something else"),
        (401, {"code": -2015, "msg": "x"}, CredentialsRefused, "may not be used from this address"),
        (401, b"<html>", CredentialsRefused, "renew them in the Secret"),
        (400, {"code": -1021, "msg": "x"}, ClockRefused, "NTP"),
        (400, {"code": -1121, "msg": "Invalid symbol."}, NotTheApiExpected, "code -1121: Invalid symbol."),
        (404, b"not found", NotTheApiExpected, "answered 404; check spec.endpoint.rest"),
        (404, b"[1]", NotTheApiExpected, "answered 404"),
        (302, b"", NotTheApiExpected, "sends elsewhere"),
        (200, b"<html>", NotTheApiExpected, "not JSON"),
        (200, b"", NotTheApiExpected, "not JSON"),
        (200, b"[" * 5_000, NotTheApiExpected, "not JSON"),
        (200, b'{"a":NaN', NotTheApiExpected, "not JSON"),
        (200, [1, 2], NotTheApiExpected, "no JSON object"),
        (403, b"", EndpointUnreachable, "its firewall keeps this address out"),
        (451, b"", EndpointUnreachable, "does not serve this place"),
        (503, b"", EndpointUnreachable, "answered 503"),
    ],
)
def test_what_is_no_answer_is_told_apart(status: int, body: Any, error: type[BrokerError], words: str) -> None:
    with pytest.raises(error) as refused:
        _answer(status, body)
    assert words in str(refused.value)
    assert str(refused.value).startswith(WHAT)
    assert refused.value.retry_after_seconds is None


@pytest.mark.parametrize(
    ("status", "said", "wait"),
    [
        (429, "17", 17),
        (429, "", 60),
        (429, "soon", 60),
        (429, "-5", 60),
        (429, "1e3", 60),
        (429, "\u0663", 60),
        (418, "", 120),
        (418, "259200", 259_200),
        (418, "999999999", MOST_WAIT_SECONDS),
        (418, "9" * 4_000, 120),
    ],
)
def test_a_broker_that_wants_to_be_left_alone_says_for_how_long(status: int, said: str, wait: int) -> None:
    with pytest.raises(RateLimited) as limited:
        _answer(status, Retry_After=said)
    assert limited.value.retry_after_seconds == wait
    assert str(status) in str(limited.value)


@given(st.text(max_size=600))
def test_what_is_shown_of_a_broker_s_words_is_one_short_line(text: str) -> None:
    line = shown(text)
    assert len(line) <= 160
    assert line.isprintable()


@given(st.text(max_size=600))
def test_a_report_fits_a_termination_message_whatever_it_says(text: str) -> None:
    report = ProbeReport(
        outcome=ProbeOutcome.NOT_THE_API_EXPECTED,
        message="".join(letter for letter in text if letter.isprintable()),
        latency_microseconds=3_600_000_000,
        clock_skew_microseconds=-(2**62),
        credentials="Unknown",
        retry_after_seconds=MOST_WAIT_SECONDS,
    )
    assert len(report.model_dump_json().encode("utf-8", "replace")) <= MAX_TERMINATION_BYTES


def _sample(sent: int, took: int, server: int) -> Sample:
    return Sample(sent * 1_000, took * 1_000, server)


def test_skew_is_the_broker_s_time_less_the_middle_of_the_request() -> None:
    assert _sample(1_000, 20, 1_010).skew_microseconds == 0
    assert _sample(1_000, 20, 2_010).skew_microseconds == 1_000_000
    assert _sample(1_000, 20, 510).skew_microseconds == -500_000


def test_one_slow_answer_changes_neither_figure() -> None:
    quick = [_sample(1_000 + 100 * number, 10, 1_005 + 100 * number) for number in range(4)]
    slow = _sample(2_000, 4_000, 2_001)
    assert latency([*quick, slow]) == 10_000
    assert skew([*quick, slow]) == 0


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=9))
def test_the_median_has_half_on_each_side(values: list[int]) -> None:
    middle = median(values)
    assert sum(value < middle for value in values) <= len(values) / 2
    assert sum(value > middle for value in values) <= len(values) / 2


@pytest.mark.parametrize("found", [None, "1700000000000", 1.5, True, 0, -1, 10**18])
def test_a_time_that_is_none_is_refused(found: object) -> None:
    with pytest.raises(NotTheApiExpected, match="no serverTime"):
        server_time({"serverTime": found}, WHAT)


def _folder(path: Path, **files: bytes) -> Path:
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def test_credentials_are_read_without_the_line_end_an_editor_left(tmp_path: Path) -> None:
    read = read_credentials(_folder(tmp_path, apiKey=b"key\n", apiSecret=b" secret\r\n"), "keys")
    assert read == Credentials("key", "secret")
    assert "key" not in repr(read).removeprefix("Credentials")
    assert "secret" not in repr(read)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is no Secret 'keys' in this namespace, or it has neither apiKey nor apiSecret"),
        ({"apiKey": b"k"}, "Secret 'keys' has no key apiSecret; add it"),
        ({"apiSecret": b"s"}, "Secret 'keys' has no key apiKey; add it"),
        ({"apiKey": b"", "apiSecret": b"s"}, "key apiKey of Secret 'keys' is empty"),
        ({"apiKey": b"k", "apiSecret": b" \n"}, "key apiSecret of Secret 'keys' is empty"),
        ({"apiKey": b"k\r\nHost: x", "apiSecret": b"s"}, "characters that no key has"),
        ({"apiKey": b"\xff\xfe", "apiSecret": b"s"}, "characters that no key has"),
        ({"apiKey": b"k", "apiSecret": b"s" * 5_000}, "more than 4096 bytes"),
    ],
)
def test_credentials_that_are_not_there_are_named(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(SecretMissing) as missing:
        read_credentials(_folder(tmp_path, **files), "keys")
    assert words in str(missing.value)
