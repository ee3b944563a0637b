"""The kind BrokerConnection: where a market is reached, with which credentials, and how it answers.

The operator opens no endpoint and reads no Secret: a probe in the connection's own namespace does, and reports
(``tradeplane_api.probe``). A connection of type Simulated may have its exchange run for it
(``tradeplane_api.simulated``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from tradeplane_api.base import Boolean, Digest, Document, Integer, Name, Timestamp
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.rules import Rule
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.simulated import SimulatedExchange, exchange_endpoint
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_api.venue import PUBLIC_ENDPOINTS, Endpoint, Market

MAX_SKEW_MICROSECONDS = 1_000_000
"""How far a clock may be off: Binance refuses orders whose time is a second ahead of its own."""
LEAST_WEIGHT = 200
"""A probe costs at most 26 of Binance's weight, and there are at most six a minute."""


_MARKET_OF = {
    InstrumentKind.SPOT: Market.SPOT,
    InstrumentKind.LINEAR_FUTURE: Market.USD_MARGINED,
    InstrumentKind.INVERSE_FUTURE: Market.COIN_MARGINED,
}
"""Which protocol an exchange speaks, by what its instruments are."""


class BrokerType(StrEnum):
    """Who answers. Both speak Binance's protocol."""

    SIMULATED = "Simulated"
    BINANCE = "Binance"


class SecretReference(Document):
    """A Secret of the same namespace."""

    name: Name = Field(description="Name of the Secret; its keys apiKey and apiSecret are read.")


class RateLimits(Document):
    """What each probe, trader and capture asks of a broker at most, each of its own; a capture asks for books alone."""

    weight_per_minute: Integer = Field(
        default=1_200,
        ge=LEAST_WEIGHT,
        le=1_000_000,
        description="Binance's weight a minute. Nothing more is asked once the broker has counted so much.",
    )
    orders_per_second: Integer = Field(
        default=10, ge=1, le=10_000, description="Orders and changes of orders a second, for what sends them."
    )


class ProbeSettings(Document):
    """How often the connection is tried."""

    interval_seconds: Integer = Field(
        default=60, ge=10, le=3_600, description="Seconds between probes; after failures the distance grows."
    )


class BrokerConnectionSpec(Document):
    """Where a market is reached, and with which credentials."""

    type: BrokerType = Field(
        description="Simulated: an exchange that speaks Binance's protocol. Binance: the real one, for its market data."
    )
    market: Market = Field(default=Market.SPOT, description="Which of Binance's protocols is spoken.")
    endpoint: Endpoint | None = Field(
        default=None, description="Where it is reached; Binance's public endpoints when absent, for type Binance."
    )
    simulated: SimulatedExchange | None = Field(
        default=None, description="An exchange to run for this connection, in place of endpoint; type Simulated alone."
    )
    credentials_secret_ref: SecretReference | None = Field(
        default=None, description="Secret with apiKey and apiSecret; public market data need none."
    )
    rate_limits: RateLimits = Field(default_factory=RateLimits, description="What is asked of the broker at most.")
    probe: ProbeSettings = Field(default_factory=ProbeSettings, description="How often the connection is tried.")
    suspend: Boolean = Field(default=False, description="Try nothing while true; the connection is not ready then.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.type != 'Simulated' || has(self.endpoint) != has(self.simulated)",
            message="type Simulated needs one of simulated and endpoint: simulated has an exchange run here, "
            "endpoint.rest and endpoint.stream name one that runs already",
            holds=lambda one: one.type is not BrokerType.SIMULATED or (one.endpoint is None) != (one.simulated is None),
            field="simulated",
        ),
        Rule(
            cel="self.type != 'Binance' || !has(self.simulated)",
            message="simulated is for type Simulated alone: remove it, or set type: Simulated",
            holds=lambda one: one.type is not BrokerType.BINANCE or one.simulated is None,
            field="simulated",
        ),
        Rule(
            cel="!has(self.simulated) || !has(self.simulated.synthetic) || self.market == "
            "{'Spot': 'Spot', 'LinearFuture': 'UsdMargined', 'InverseFuture': 'CoinMargined'}"
            "[self.simulated.synthetic.kind]",
            message="market must be the one that simulated.synthetic.kind is traded at: Spot for Spot, UsdMargined for "
            "LinearFuture (which is the default), CoinMargined for InverseFuture",
            holds=lambda one: (
                one.simulated is None
                or one.simulated.synthetic is None
                or one.market is _MARKET_OF[one.simulated.synthetic.kind]
            ),
            field="market",
        ),
        Rule(
            cel="self.type != 'Binance' || !has(self.endpoint) || "
            "(self.endpoint.rest.startsWith('https://') && self.endpoint.stream.startsWith('wss://'))",
            message="endpoint must be https:// and wss:// for type Binance: http:// and ws:// are for type Simulated",
            holds=lambda one: one.type is not BrokerType.BINANCE or one.endpoint is None or _encrypted(one.endpoint),
            field="endpoint",
        ),
    )


def endpoint_of(spec: BrokerConnectionSpec, name: str, namespace: str) -> Endpoint:
    """Return where the market of a connection of this name and namespace is reached."""
    if spec.simulated is not None:
        return exchange_endpoint(name, namespace)
    return spec.endpoint or PUBLIC_ENDPOINTS[spec.market]


def _encrypted(endpoint: Endpoint) -> bool:
    return endpoint.rest.startswith("https://") and endpoint.stream.startswith("wss://")


class CredentialsState(StrEnum):
    """What the broker said of the credentials."""

    NONE = "None"
    """There are none; public data need none."""
    ACCEPTED = "Accepted"
    REFUSED = "Refused"
    UNKNOWN = "Unknown"
    """The broker was not asked, because something came before it."""


class ExchangeStatus(Document):
    """The exchange that runs for a connection, as it was resolved when spec.simulated was first seen."""

    asked: Digest = Field(description="Digest of the spec.simulated it was resolved for.")
    image: str = Field(max_length=512, description="The image it runs, by digest.")
    specification: str = Field(max_length=MAX_SPECIFICATION_BYTES, description="What it was told, JSON.")
    snapshot: Digest | None = Field(default=None, description="Id of the snapshot it plays.")
    store: Name | None = Field(default=None, description="Name of the store that snapshot is in.")
    record: str = Field(
        max_length=64, description="Name of the file it records its inputs in; another market or terms, another file."
    )


class BrokerConnectionStatus(Document):
    """How the broker answered."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    latency_milliseconds: str | None = Field(
        default=None, max_length=32, description="Median time from a request to its answer."
    )
    clock_skew_milliseconds: str | None = Field(
        default=None, max_length=32, description="Median of the broker's clock less that of the node probed from."
    )
    credentials: CredentialsState | None = Field(default=None, description="What the broker said of the credentials.")
    last_probe: Name | None = Field(default=None, description="Name of the newest probe these words are from.")
    last_probe_time: Timestamp | None = Field(
        default=None,
        description="When it ended, RFC 3339. Probes that find the same again are recorded every fifth time.",
    )
    exchange: ExchangeStatus | None = Field(default=None, description="The exchange of spec.simulated.")
    failures: Integer | None = Field(default=None, ge=0, description="Probes in a row that found it not ready.")
    not_before: Timestamp | None = Field(
        default=None, description="The broker asked to be left alone until then, RFC 3339."
    )


class BrokerConnection(Document):
    """A market as it is reached from this namespace."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["BrokerConnection"] = "BrokerConnection"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: BrokerConnectionSpec = Field(description="Where the market is reached, and with which credentials.")
    status: BrokerConnectionStatus | None = Field(default=None, description="How the broker answered.")
