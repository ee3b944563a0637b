"""Clients of AWS, each of a region, and what it means when one gets no answer.

A region that is lost answers late, or wrongly, or not at all: every question has a limit, and all of these are one
error, which names the region.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, of which Python's is none
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session

from tradeplane_stacks.automation.errors import StackUnavailable

CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 3, 10, 2
_LOG_IN = "log in to AWS as one of failover.mover_roles, then again"
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException"})
_REFUSED_LOGIN = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"})
_FIRST_OF_FAULTS = 500
"""HTTP statuses from here on are the server's own."""


class RegionUnreachable(Exception):
    """A service of a region does not answer, or says that it cannot."""

    def __init__(self, region: str, service: str, why: str) -> None:
        super().__init__(f"{service} of {region} cannot be reached: {why}")
        self.region = region


@dataclass(frozen=True)
class Clients:
    """Clients by service and region, with the credentials that the environment has."""

    session: Session = field(default_factory=Session)
    _made: dict[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, service: str, region: str) -> Any:
        """Return the client of a service in a region."""
        if (service, region) not in self._made:
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=ANSWER_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            )
            self._made[service, region] = self.session.create_client(service, region_name=region, config=config)
        return self._made[service, region]

    @contextmanager
    def asking(self, service: str, region: str) -> Iterator[Any]:
        """Give a client for some questions.

        Raises:
            RegionUnreachable: when it gets no answer.
            StackUnavailable: when AWS lets nobody in.

        """
        try:
            yield self.of(service, region)
        except (ConnectionError, HTTPClientError, ResponseParserError) as error:  # the last: a gateway's own page
            raise RegionUnreachable(region, service, str(error)) from error
        except (NoCredentialsError, PartialCredentialsError, TokenRetrievalError) as error:
            raise StackUnavailable(f"there are no credentials for AWS: {error}", _LOG_IN) from error
        except ClientError as error:
            raise _meant(error, service, region) from error
        except BotoCoreError as error:
            raise StackUnavailable(f"{service} of {region}: {error}") from error


def code(error: ClientError) -> str:
    """Return the code by which AWS names an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meant(error: ClientError, service: str, region: str) -> Exception:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= _FIRST_OF_FAULTS:
        return RegionUnreachable(region, service, str(error))
    remedy = _LOG_IN if code(error) in _REFUSED | _REFUSED_LOGIN else None
    return StackUnavailable(f"{service} of {region} refused: {error}", remedy)
