"""Answering a registry that asks who we are: by name and password, or by a token of its authority.

Sources: RFC 7617 (Basic); distribution, "Token Authentication Specification" (Bearer). Credentials go to the registry
and to the authority it names, over TLS where the registry has it, and nowhere else.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed, RegistryRefused
from tradeplane_evidence.registry.answers import Answer, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_evidence.registry.credentials import Credentials

MAX_TOKEN_BYTES = 65_536
MOST_SCOPES = 1_024
"""Authorizations that are kept."""
_CHALLENGE = re.compile(r'([a-z]+)="([^"]*)"')


@dataclass(slots=True)
class Authorization:
    """What a registry is shown, by the scope of a request (``repository:NAME:pull``).

    ``credentials`` is asked at each challenge, since those of a cloud end after hours.
    """

    host: str
    plain_http: bool
    credentials: Callable[[str], Credentials | None]
    _shown: dict[str, str] = field(default_factory=dict, repr=False)

    def headers(self, scope: str) -> dict[str, str]:
        """Return the headers of a request of a scope."""
        return {"Authorization": self._shown[scope]} if scope in self._shown else {}

    async def answer(self, session: aiohttp.ClientSession, challenge: str, scope: str) -> None:
        """Answer a challenge (the value of WWW-Authenticate), for requests of a scope from now on.

        Raises RegistryRefused or Malformed, and ClientError where the authority cannot be asked now.
        """
        kind, _, rest = challenge.partition(" ")
        known = await asyncio.to_thread(self.credentials, self.host)
        if kind.lower() == "basic":
            if known is None:
                raise RegistryRefused(f"{self.host} asks who we are: log in to it with docker login {self.host}")
            shown = known.basic()
        elif kind.lower() == "bearer":
            shown = f"Bearer {await self._token(session, dict(_CHALLENGE.findall(rest)), scope, known)}"
        else:
            raise RegistryRefused(f"{self.host} asks for authorization of a kind that is not known: {kind[:32]!r}")
        if len(self._shown) >= MOST_SCOPES:  # of a client that lives long, in many repositories
            self._shown.clear()
        self._shown[scope] = shown

    async def _token(
        self, session: aiohttp.ClientSession, fields: Mapping[str, str], scope: str, known: Credentials | None
    ) -> str:
        realm = self._realm(fields)
        asked = {"scope": scope} | ({"service": fields["service"]} if "service" in fields else {})
        headers = {"Authorization": known.basic()} if known is not None else {}
        url = URL(f"{realm}{'&' if realm.query_string else '?'}{urlencode(asked)}", encoded=True)
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            answer = await read_answer(response, MAX_TOKEN_BYTES)
        if answer.passing:
            raise aiohttp.ClientConnectionError(f"{realm.host} answered {answer.status} to a request for a token")
        if answer.status != HTTPStatus.OK:
            raise RegistryRefused(
                f"{realm.host} gives us no token for {scope} (answer {answer.status}); log in with docker login "
                f"{self.host}, or ask for the right"
            )
        return _token_of(answer, realm.host)

    def _realm(self, fields: Mapping[str, str]) -> URL:
        """Return where a token is to be had, which must be as well guarded as the registry."""
        realm = URL(fields.get("realm", ""), encoded=True)
        if realm.scheme != "https" and not (self.plain_http and realm.scheme == "http"):
            raise RegistryRefused(
                f"{self.host} sends us for a token to {realm.scheme or 'nowhere'}; that must be https"
            )
        return realm


def _token_of(answer: Answer, host: str | None) -> str:
    found = strict_json.parse(answer.body, f"the token of {host}", MAX_TOKEN_BYTES)
    token = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
    if not isinstance(token, str) or not token.isascii() or any(one.isspace() for one in token):
        raise Malformed(f"{host} answered with no token")
    return token
