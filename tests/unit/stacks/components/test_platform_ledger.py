"""The ledger of a platform: what its database, its audit log and its heads may be."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.platform_ledger import CA_FILE, Ledger

from tests.unit.stacks.components.platforms import DATABASE, certificate, private_key

CA = certificate()
NAMED = f"{DATABASE}&sslrootcert={CA_FILE}"
BY_IAM = f"postgresql://tradeplane@db.internal/audit?sslmode=verify-full&sslrootcert={CA_FILE}&aws_iam_region=eu-west-1"
TLS: dict[str, Any] = {"certificate": CA, "key": private_key("RSA"), "client_ca": CA}
ON_S3: dict[str, Any] = {"kind": "s3", "url": "s3://audit-heads/prod", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, 5432),
        ({"database": {"url": DATABASE}}, 5432),
        ({"database": {"url": NAMED, "ca": CA}}, 5432),
        ({"database": {"url": BY_IAM, "ca": CA}, "role": "arn:aws:iam::111122223333:role/recorder"}, 5432),
        ({"database": {"url": DATABASE.replace("/audit", ":6543/audit")}}, 6543),
        ({"database": {"url": DATABASE.replace("/audit", ":6543/audit")}, "port": 6543}, 6543),
        ({"port": 6543, "audit": {"certificates": TLS, "node_port": 30843}}, 6543),
        ({"heads": {**ON_S3, "signer": "awskms:///alias/heads"}}, 5432),
        ({"heads": {"kind": "volume", "signing_key": private_key()}}, 5432),
    ],
)
def test_what_is_right_is_taken_and_its_port_known(given: dict[str, Any], port: int) -> None:
    assert Ledger.read(given).database_port == port


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"database": {"url": "mysql://db.internal/audit?sslmode=verify-full"}}, r"database\.url: .*is no URL"),
        ({"database": {"url": "postgresql:///audit?sslmode=verify-full"}}, r"database\.url: .*is no URL"),
        ({"database": {"url": DATABASE.replace("verify-full", "require")}}, r"database\.url: .*sslmode=verify-full"),
        ({"database": {"url": DATABASE.partition("?")[0]}}, r"database\.url: .*sslmode=verify-full"),
        (
            {"database": {"url": f"{DATABASE}&aws_iam_region=eu-west-1"}},
            r"database\.url: .*without a password: give USER",
        ),
        ({"database": {"url": BY_IAM.replace("tradeplane@", ""), "ca": CA}}, r"database\.url: .*without a password"),
        ({"database": {"url": DATABASE, "ca": CA}}, "database: .*the URL does not name it: add &sslrootcert="),
        ({"database": {"url": NAMED}}, "database: .*and ca is not given"),
        ({"database": {"url": NAMED, "ca": "none"}}, r"database\.ca: .*has no certificate in PEM"),
        ({"database": {"url": DATABASE}, "port": 6543}, "port: 6543, and the URL of database says 5432"),
        ({"port": 0}, "port"),
        ({"audit": {"node_port": 8443}}, r"audit\.node_port"),
        ({"audit": {"node_port": 32768}}, r"audit\.node_port"),
        ({"audit": {"certificates": {"certificate": CA}}}, r"audit\.certificates\.key: Field required"),
        ({"audit": {"certificates": {**TLS, "key": "none"}}}, r"audit\.certificates\.key: .*is no private key"),
        (
            {"audit": {"certificates": {**TLS, "client_ca": "none"}}},
            r"audit\.certificates\.client_ca: .*no certificate",
        ),
        ({"heads": {"kind": "paper"}}, "heads: .*'volume', 's3'"),
        ({"heads": {"kind": "volume", "url": "file:///etc"}}, r"heads\.volume\.url: Extra inputs"),
        ({"heads": {**ON_S3, "url": "https://heads.example"}}, r"heads\.s3\.url"),
        ({"heads": {**ON_S3, "region": "europe"}}, r"heads\.s3\.region"),
        ({"heads": {**ON_S3, "every_seconds": 0}}, r"heads\.s3\.every_seconds"),
        ({"heads": {**ON_S3, "every_seconds": 604_801}}, r"heads\.s3\.every_seconds"),
        ({"heads": {**ON_S3, "signer": "file:/etc/tradeplane-signing/key.pem"}}, r"heads\.s3\.signer"),
        ({"heads": {**ON_S3, "signing_key": private_key("RSA")}}, r"heads\.s3\.signing_key: .*of the curve P-256"),
        (
            {"heads": {**ON_S3, "signer": "awskms:///alias/heads", "signing_key": private_key()}},
            r"heads\.s3: .*signing_key is for the signer file:.*awskms:///alias/heads has its own",
        ),
        ({"role": "arn:aws:iam::*:role/any"}, "role"),
    ],
)
def test_a_wrong_ledger_is_refused_by_its_field(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        Ledger.read(given)


def test_neither_password_nor_key_is_shown() -> None:
    given = {"database": {"url": DATABASE}, "audit": {"certificates": TLS}}
    for secret in ("of-a-test", TLS["key"].splitlines()[1]):
        assert secret not in repr(Ledger.read(given))
    with pytest.raises(InvalidConfiguration) as refused:
        Ledger.read({"database": {"url": DATABASE.replace("verify-full", "require")}})
    assert "of-a-test" not in str(refused.value)
