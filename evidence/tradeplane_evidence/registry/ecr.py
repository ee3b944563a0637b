"""Registries of Amazon ECR are logged in to with a token that AWS gives whoever the environment is, for twelve hours.

Asked for are ``account`` and region that a host names, and only where the whole name is one of ECR's: who may name a
host must not be able to have a token sent to it. Credentials and endpoint (``AWS_ENDPOINT_URL_ECR``) are those of the
environment, as every AWS program has them.

The right it needs: ``ecr:GetAuthorizationToken``, which IAM knows on all resources alone. What may be pulled and pushed
is said on the repositories. Sources: Amazon ECR API Reference, ``GetAuthorizationToken``; ECR User Guide, "Private
registry" and "IPv6 and dual-stack endpoints".
"""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import RegistryRefused, RegistryUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

RIGHT = "ecr:GetAuthorizationToken"
TRIES = 3
CONNECT_LIMIT_S, ANSWER_LIMIT_S = 5, 15
SPARE = timedelta(minutes=10)
"""A token that ends within it is asked for anew: a push that began with it must still end."""
MOST_TOKENS = 64
MAX_TOKEN_CHARACTERS = 16_384
_REGION = r"(?P<region>[a-z]{2,8}(?:-[a-z]{1,16}){1,3}-[0-9]{1,2})"
_HOSTS = (
    re.compile(rf"(?P<account>[0-9]{{12}})\.dkr\.ecr(?P<fips>-fips)?\.{_REGION}\.amazonaws\.com(?P<china>\.cn)?"),
    re.compile(rf"(?P<account>[0-9]{{12}})\.dkr-ecr(?P<fips>-fips)?\.{_REGION}\.on\.aws"),
)
_PASSING = {"ServerException", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
"""What ECR says when the same may succeed later, beside what it says with a status of 500 and above."""


@dataclass(frozen=True, slots=True)
class EcrRegistry:
    """What a host of ECR names."""

    account: str
    region: str
    fips: bool = False
    dual_stack: bool = False


def ecr_registry(host: str) -> EcrRegistry | None:
    """Return what a host names where it is one of ECR's, to the last character; None for any other."""
    for pattern in _HOSTS:
        found = pattern.fullmatch(host)
        china = found is not None and found.groupdict().get("china") is not None
        if found is not None and found["region"].startswith("cn-") == china:
            return EcrRegistry(
                found["account"], found["region"], found["fips"] is not None, dual_stack=host.endswith(".aws")
            )
    return None


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    expires: datetime


@dataclass(slots=True)
class EcrTokens:
    """Tokens by registry, asked for once for all threads and kept until shortly before they end.

    How long one is good for is read off ``clock``, the time of day, when it comes, and measured by ``steady`` from then
    on, whatever is done to the other.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    steady: Callable[[], float] = time.monotonic
    _kept: dict[EcrRegistry, tuple[float, _Token]] = field(default_factory=dict, init=False, repr=False)
    _asking: dict[EcrRegistry, threading.Lock] = field(default_factory=dict, init=False, repr=False)
    _own: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def token(self, registry: EcrRegistry) -> str:
        """Return a token in the form of docker's ``auth``: name and password in base64.

        Raises RegistryRefused, and RegistryUnavailable where ECR is not reached. Takes a request within limits: to be
        called on a thread.
        """
        with self._own:
            if len(self._asking) >= MOST_TOKENS and registry not in self._asking:
                self._kept.clear()
                self._asking.clear()
            asking = self._asking.setdefault(registry, threading.Lock())
        with asking:
            kept = self._kept.get(registry)
            if kept is None or kept[0] - self.steady() <= SPARE.total_seconds():
                token = _asked(registry)
                kept = self.steady() + (token.expires - self.clock()).total_seconds(), token
                self._kept[registry] = kept
            return kept[1].value


TOKENS = EcrTokens()
"""Those of this process."""


def _asked(registry: EcrRegistry) -> _Token:
    what = f"the registry of account {registry.account} in {registry.region} (Amazon ECR)"
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
        from botocore.exceptions import ConnectionError as NotConnected
    except ImportError as error:
        raise RegistryRefused(
            f"to log in to {what} boto3 is needed: install tradeplane-evidence[ecr], or log in with docker login"
        ) from error
    _say_nothing_of_answers()
    try:
        answer = _client(boto3, registry).get_authorization_token(registryIds=[registry.account])
    except ClientError as error:
        raise _refusal(what, error.response, error.operation_name) from error
    except (NotConnected, HTTPClientError) as error:
        raise RegistryUnavailable(f"{what} gives no token: {error}; tried {TRIES} times") from error
    except BotoCoreError as error:
        raise RegistryRefused(
            f"{what} cannot be asked for a token: {error}; give the process an identity of AWS that may {RIGHT}"
        ) from error
    return _read(what, answer)


def _client(boto3: Any, registry: EcrRegistry) -> Any:
    """Return a client of a session of its own: the one that boto3 shares is made by one thread at a time only."""
    from botocore.config import Config

    limits = Config(
        connect_timeout=CONNECT_LIMIT_S,
        read_timeout=ANSWER_LIMIT_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        use_fips_endpoint=registry.fips,
        use_dualstack_endpoint=registry.dual_stack,
    )
    return boto3.session.Session().client("ecr", region_name=registry.region, config=limits)


def _say_nothing_of_answers() -> None:
    """Keep botocore from logging answers, which have the token in them: it does at DEBUG."""
    parsers = logging.getLogger("botocore.parsers")
    if parsers.getEffectiveLevel() < logging.INFO:
        parsers.setLevel(logging.INFO)


def _refusal(what: str, response: Any, operation: str) -> RegistryRefused | RegistryUnavailable:
    told = response.get("Error", {})
    words = f"{operation}: {told.get('Code', '?')}: {told.get('Message', '')}"
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if told.get("Code") in _PASSING or status >= 500:
        return RegistryUnavailable(f"{what} gives no token now: {words}; tried {TRIES} times")
    return RegistryRefused(f"{what} gives no token: {words}; allow {RIGHT} on resource * to who asks", status or None)


def _read(what: str, answer: Any) -> _Token:
    try:
        (given,) = answer["authorizationData"]
        value, expires = given["authorizationToken"], given["expiresAt"]
        if isinstance(value, str) and len(value) <= MAX_TOKEN_CHARACTERS and isinstance(expires, datetime):
            return _Token(value, expires.astimezone(UTC))
    except (KeyError, TypeError, ValueError):
        pass  # said below, without what it holds
    raise RegistryUnavailable(f"{what} did not answer with one token and its end")
