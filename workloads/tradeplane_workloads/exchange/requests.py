"""Answers requests: known, within limits, from who they say they are. Knows neither sockets nor the form of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange import public
from tradeplane_workloads.exchange.ledger import MILLION
from tradeplane_workloads.exchange.limits import Limiter
from tradeplane_workloads.exchange.listen_keys import ListenKeys
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.refusal import NO_SUCH_PATH, Refusal
from tradeplane_workloads.exchange.routes import RECORD, SPECIFICATION, Route, Security, record_routes, routes_of
from tradeplane_workloads.exchange.signature import account_of, check_signature, check_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.exchange import ExchangeSpecification

    from tradeplane_workloads.exchange.credentials import KeyDirectory
    from tradeplane_workloads.exchange.record_file import RecordFile
    from tradeplane_workloads.exchange.signature import Credentials
    from tradeplane_workloads.exchange.venue import Venue

CONNECTION_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: query and body are what is signed, byte by byte."""

    method: str
    path: str
    query: str
    body: str
    key: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer that is no JSON: what an exchange has recorded so far, which are whole frames."""

    file: RecordFile
    length: int


class Requests:
    """What answers the requests to a venue. ``clock`` gives nanoseconds since 1970."""

    def __init__(
        self, venue: Venue, specification: ExchangeSpecification, keys: KeyDirectory, clock: Callable[[], int]
    ) -> None:
        self._venue, self._keys, self._clock = venue, keys, clock
        self._specification, self._limits = specification, specification.limits
        self._limiter = Limiter(specification.limits)
        self._routes = routes_of(venue.wire) | (record_routes() if venue.record is not None else {})
        self.listen_keys = ListenKeys()
        self.on_closed: Callable[[int], None] = lambda _: None
        """Told of an account whose listen key was closed."""

    def now_ms(self) -> int:
        """Return the time in milliseconds."""
        return self._clock() // MILLION

    def connect(self, address: str) -> None:
        """Count a connection. Raises Refusal where there were too many requests."""
        self._limiter.request(address, CONNECTION_WEIGHT, self.now_ms())

    def answer(self, asked: Asked, headers: dict[str, str]) -> object:
        """Answer a request, and say in the headers how much was used. Raises Refusal."""
        route = self._routes.get((asked.method, asked.path))
        if route is None:
            self._limiter.request(asked.address, 1, self.now_ms())
            raise Refusal.of(NO_SUCH_PATH)
        parameters = self._weighed(asked, route, headers)
        if route.security is Security.NONE:
            return self._public(route, parameters)
        credentials = self._authenticated(asked, route, parameters)
        if self._venue.record is not None and route.name in (RECORD, SPECIFICATION):
            parameters.done()
            return self._recorded(route, self._venue.record)
        account = self._venue.account(credentials.account)
        if route.is_order:
            ten_seconds, minute = self._limiter.order(credentials.account, self.now_ms())
            headers["X-MBX-ORDER-COUNT-10S"] = str(ten_seconds)
            headers["X-MBX-ORDER-COUNT-1M"] = str(minute)
        if route.answer is not None:
            return route.answer(self._venue, account, parameters)
        return self._listen_key(route, account, parameters)

    def _weighed(self, asked: Asked, route: Route, headers: dict[str, str]) -> Parameters:
        """Read the parameters and count the request; one that cannot be read is counted as well."""
        weight = max(route.weight, 1)
        try:
            parameters = Parameters(asked.query, asked.body)
            weight = route.weight or public.depth_weight(self._venue.wire, parameters)
        finally:
            headers["X-MBX-USED-WEIGHT-1M"] = str(self._limiter.request(asked.address, weight, self.now_ms()))
        return parameters

    def _authenticated(self, asked: Asked, route: Route, parameters: Parameters) -> Credentials:
        credentials = account_of(asked.key, self._keys.known())
        if route.security is Security.SIGNED:
            check_signature(credentials.secret, asked.query, asked.body, parameters.text("signature"))
            check_time(parameters, self.now_ms())
        return credentials

    def _public(self, route: Route, parameters: Parameters) -> object:
        if route.name == "ping":
            return {}
        if route.name == "time":
            return {"serverTime": self.now_ms()}
        if route.name == "exchangeInfo":
            return public.exchange_info(self._venue, self._limits)
        if route.name == "bookTicker":
            return public.book_ticker(self._venue, parameters)
        return public.depth(self._venue, parameters)

    def _recorded(self, route: Route, record: RecordFile) -> object:
        """Answer with the record as it is now, or with what it is replayed with. No account is opened by that."""
        if route.name == RECORD:
            return Recorded(record, len(record))
        return self._specification.model_dump(mode="json", by_alias=True)

    def _listen_key(self, route: Route, account: int, parameters: Parameters) -> object:
        parameters.text("listenKey")  # spot sends it; an account has one, so it names nothing new
        parameters.done()
        if route.name == "openKey":
            return {"listenKey": self.listen_keys.open(account, self.now_ms())}
        if route.name == "keepKey":
            return {"listenKey": self.listen_keys.extend(account, self.now_ms())}
        self.listen_keys.close(account)
        self.on_closed(account)
        return {}
