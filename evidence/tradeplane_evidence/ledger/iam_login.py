"""Logging in to Amazon RDS without a password: by a token of AWS, a new one for each connection.

A token is a signature over the host, the port and the user, good for fifteen minutes. It is asked for at a login
alone, so a connection that is open outlasts it. It is made here, of the credentials of the process, and RDS checks with
IAM whether those may ``rds-db:connect``. Source: Amazon RDS User Guide, "IAM database authentication".
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from tradeplane_evidence.ledger.errors import InvalidDatabase, LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import URL, Engine

REGION = "aws_iam_region"
"""Parameter of a database's URL: the region of AWS by whose tokens its user logs in."""
RIGHT = "rds-db:connect"
_EXAMPLE = f"postgresql://USER@HOST/DATABASE?sslmode=verify-full&sslrootcert=FILE&{REGION}=eu-west-1"
_PORT = 5432
_LIMIT_S = 10
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


def is_by_iam(url: URL) -> bool:
    """Return whether a URL's user logs in by tokens of AWS."""
    return REGION in url.query


def log_in_by_iam(engine: Engine) -> None:
    """Have each new connection of an engine log in by a token of its own. Nobody is asked anything yet.

    Raises InvalidDatabase where the URL would not do for that, or botocore is not installed.
    """
    _, options = engine.dialect.create_connect_args(engine.url)
    login = _login(options)
    _say_nothing_of_signatures()

    @event.listens_for(engine, "do_connect")
    def log_in(_dialect: object, _record: object, _arguments: list[Any], options: dict[str, Any]) -> None:
        """Put a token in the place of the password; the options are a copy for this one connection."""
        del options[REGION]
        options |= {"port": login.port, "password": login.token()}


@dataclass(frozen=True, slots=True)
class _Login:
    """As whom, and where."""

    host: str
    port: int
    user: str
    region: str

    def token(self) -> str:
        """Return a new token, of the credentials that the process has now.

        Raises LedgerUnavailable where it has none, or cannot ask for them: it may later.
        """
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.session import Session

        session = Session()
        # For whoever gives credentials, as STS does for the token of a pod's account.
        session.set_default_client_config(Config(connect_timeout=_LIMIT_S, read_timeout=_LIMIT_S))
        try:
            client = session.create_client("rds", region_name=self.region)
            made: str = client.generate_db_auth_token(self.host, self.port, self.user)
        except (BotoCoreError, ClientError) as error:
            raise LedgerUnavailable(
                f"{self.user} cannot log in to the database of {self.host} by a token of AWS: {error}; "
                f"give the process an identity of AWS that may {RIGHT}"
            ) from error
        return made


def _login(options: Mapping[str, Any]) -> _Login:
    """Return the login of what the driver is told; what is ambiguous, or gives a token away, is refused."""
    if find_spec("botocore") is None:
        raise InvalidDatabase(f"{REGION} needs botocore: install tradeplane-evidence[rds]")
    if options.get("password") is not None:
        raise InvalidDatabase(f"the URL of the ledger's database has a password and {REGION}: leave one of them out")
    host, user, region = options.get("host", ""), options.get("user", ""), str(options[REGION])
    if not (host and user) or host.startswith("/") or "," in host:
        raise InvalidDatabase(f"with {REGION}, the URL of the ledger's database names one host and a user: {_EXAMPLE}")
    if not _REGION.fullmatch(region):
        raise InvalidDatabase(f"{REGION} of the ledger's database is {region}, and no region of AWS: {_EXAMPLE}")
    if options.get("sslmode") != "verify-full":
        raise InvalidDatabase(
            f"with {REGION}, the URL of the ledger's database is to have sslmode=verify-full, or whoever answers could "
            f"take the token and log in: {_EXAMPLE}"
        )
    return _Login(host, int(options.get("port", _PORT)), user, region)


def _say_nothing_of_signatures() -> None:
    """Keep botocore from logging what it signs, of which a token is made up: it does at DEBUG."""
    auth = logging.getLogger("botocore.auth")
    if auth.getEffectiveLevel() < logging.INFO:
        auth.setLevel(logging.INFO)
