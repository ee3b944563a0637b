"""A user of a database on RDS logs in by a token of AWS: a new one each time, and no URL that would give one away."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from botocore import auth
from sqlalchemy import event
from tradeplane_evidence.ledger import database, iam_login
from tradeplane_evidence.ledger.database import asking, connect
from tradeplane_evidence.ledger.errors import InvalidDatabase, LedgerUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    Json = dict[str, Any]

HOST = "audit.c1a2b3.eu-west-1.rds.amazonaws.com"
PARAMETERS = "sslmode=verify-full&sslrootcert=/etc/rds.pem&aws_iam_region=eu-west-1"
URL = f"postgresql://tradeplane@{HOST}:5433/audit?{PARAMETERS}"
KEY = "AKIDEXAMPLE"
FIRST = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the process an identity of AWS, and a clock that is a second later each time."""
    for name in ("AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    seconds = count()
    monkeypatch.setattr(auth, "get_current_datetime", lambda: FIRST + timedelta(seconds=next(seconds)))


def logins(engine: Engine, times: int = 1) -> list[Json]:
    """Return what the driver is told at each login; nobody is there."""
    told: list[Json] = []

    @event.listens_for(engine, "do_connect")
    def note(_dialect: object, _record: object, _arguments: object, options: Json) -> None:
        told.append(dict(options))
        raise psycopg.OperationalError("nobody is there")

    for _ in range(times):
        with pytest.raises(LedgerUnavailable, match="nobody is there"), asking(engine):
            raise AssertionError("somebody was")
    return told


def test_each_connection_has_a_token_of_its_own() -> None:
    first, second = logins(connect(URL), times=2)
    assert first["password"] != second["password"]
    token = urlsplit(f"https://{first['password']}")
    said = {name: value for name, (value,) in parse_qs(token.query).items()}
    assert (token.netloc, token.path) == (f"{HOST}:5433", "/")
    assert (said["Action"], said["DBUser"]) == ("connect", "tradeplane")
    assert said["X-Amz-Credential"] == f"{KEY}/20260701/eu-west-1/rds-db/aws4_request"
    assert (said["X-Amz-Date"], said["X-Amz-Expires"]) == ("20260701T120000Z", "900")
    assert said["X-Amz-Security-Token"] == "session"


def test_the_driver_is_told_all_else_as_the_url_has_it_and_nothing_of_tokens() -> None:
    (told,) = logins(connect(URL))
    assert {name: told[name] for name in ("host", "port", "user", "dbname", "sslmode", "sslrootcert")} == {
        "host": HOST,
        "port": 5433,
        "user": "tradeplane",
        "dbname": "audit",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/rds.pem",
    }
    assert told["connect_timeout"] == database.WAIT_SECONDS
    assert "aws_iam_region" not in told


def test_the_port_is_that_which_the_token_is_for_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6000")
    (told,) = logins(connect(URL.replace(":5433", "")))
    assert told["port"] == 5432
    assert told["password"].startswith(f"{HOST}:5432/?")


def test_a_token_is_for_the_host_that_is_asked() -> None:
    (told,) = logins(connect(f"{URL}&host=copy.example:5434"))
    assert (told["host"], told["port"]) == ("copy.example", 5434)
    assert told["password"].startswith("copy.example:5434/?")


def test_a_name_is_escaped_as_urls_have_it() -> None:
    (told,) = logins(connect(URL.replace("tradeplane@", "the%20recorder@")))
    assert told["user"] == "the recorder"
    assert parse_qs(urlsplit(f"https://{told['password']}").query)["DBUser"] == ["the recorder"]


def test_a_url_without_it_has_its_password_and_no_token() -> None:
    (told,) = logins(connect(f"postgresql://tradeplane:word@{HOST}/audit"))
    assert told["password"] == "word"  # noqa: S105 - of nothing


def test_no_token_is_in_a_log_or_a_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = connect(URL)
    (told,) = logins(engine)
    signature = parse_qs(urlsplit(f"https://{told['password']}").query)["X-Amz-Signature"][0]
    with pytest.raises(LedgerUnavailable) as refused, asking(engine):
        raise AssertionError("somebody was there")
    assert "aws_iam_region=eu-west-1" in str(refused.value)
    for text in (caplog.text, str(refused.value), repr(engine), repr(engine.url)):
        assert signature not in text
        assert "X-Amz" not in text


def test_who_is_refused_learns_which_right_is_missing() -> None:
    engine = connect(URL)
    logins(engine)
    right = "may rds-db:connect as tradeplane, to whom rds_iam is granted"
    with pytest.raises(LedgerUnavailable, match=right), asking(engine):
        raise AssertionError("somebody was there")


def test_of_a_password_nothing_is_said_about_rights() -> None:
    engine = connect(f"postgresql://tradeplane@{HOST}/audit")
    logins(engine)
    with pytest.raises(LedgerUnavailable) as refused, asking(engine):
        raise AssertionError("somebody was there")
    assert "rds" not in str(refused.value).replace(HOST, "")


def test_a_process_without_an_identity_is_told_so_and_may_have_one_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    engine = connect(URL)
    said = "tradeplane cannot log in .*credentials; give the process an identity"
    with pytest.raises(LedgerUnavailable, match=said), asking(engine):
        raise AssertionError("it logged in")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert KEY in logins(engine)[0]["password"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (URL.replace("tradeplane@", "tradeplane:word@"), "has a password and aws_iam_region"),
        (URL.replace("tradeplane@", ""), "names one host and a user: postgresql://USER@HOST/DATABASE"),
        (URL.replace(f"{HOST}:5433", ""), "names one host and a user"),
        (f"postgresql://tradeplane@/audit?host=/run/postgresql&{PARAMETERS}", "names one host and a user"),
        (f"postgresql://tradeplane@/audit?host=one:1&host=two:2&{PARAMETERS}", "names one host and a user"),
        (URL.replace("verify-full", "verify-ca"), "to have sslmode=verify-full, or whoever answers could"),
        (URL.replace("sslmode=verify-full&", ""), "to have sslmode=verify-full"),
        (f"{URL}&port=1,2", "the URL of the ledger's database is none"),
        (URL.replace("=eu-west-1", "=not a region"), "aws_iam_region of the ledger's database is .*no region of AWS"),
        (
            URL.replace("=eu-west-1", "=eu-west-1.example"),
            "aws_iam_region of the ledger's database is .*no region of AWS",
        ),
        (f"{URL}&aws_iam_region=us-east-1", "aws_iam_region of the ledger's database is .*no region of AWS"),
    ],
)
def test_a_url_that_is_ambiguous_or_gives_tokens_away_is_refused(url: str, message: str) -> None:
    with pytest.raises(InvalidDatabase, match=message) as refused:
        connect(url)
    assert "word" not in str(refused.value).replace("password", "")


def test_what_is_missing_without_botocore_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam_login, "find_spec", lambda _: None)
    with pytest.raises(InvalidDatabase, match=r"install tradeplane-evidence\[rds\]"):
        connect(URL)
    connect(f"postgresql://tradeplane@{HOST}/audit")
