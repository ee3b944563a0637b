"""The document a simulated exchange is started with."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tradeplane_api.exchange import AtEnd, ExchangeSpecification, FaultChannel, FaultKind
from tradeplane_api.snapshot_manifest import InstrumentKind

DIGEST = "sha256:" + "a" * 64


def test_the_least_there_is_to_say() -> None:
    one = ExchangeSpecification.model_validate({"synthetic": {}})
    assert one.synthetic is not None
    assert (one.synthetic.flow, one.synthetic.kind) == ("order-book", InstrumentKind.LINEAR_FUTURE)
    assert (one.speed, one.at_end, one.faults) == ("1", AtEnd.STAND, ())


def test_it_comes_back_from_json_as_it_was() -> None:
    document = {
        "snapshot": DIGEST,
        "speed": "2.5",
        "atEnd": "Repeat",
        "balances": [{"asset": "USDT", "amount": "1000.5"}, {"asset": "BTC", "amount": "0"}],
        "fees": {"tiers": [{"fromVolume": "0", "makerBasisPoints": "-0.5", "takerBasisPoints": "4"}]},
        "faults": [{"kind": "Reorder", "channel": "User", "after": 3}],
    }
    one = ExchangeSpecification.model_validate(document)
    assert ExchangeSpecification.model_validate_json(one.model_dump_json(exclude_none=True)) == one


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "give one of snapshot and synthetic"),
    ({"snapshot": DIGEST, "synthetic": {}}, "give one of snapshot and synthetic"),
    ({"snapshot": "sha256:abc"}, "must be a digest"),
    ({"synthetic": {"flow": "unheard-of"}}, "order-book"),
    ({"synthetic": {"seed": -1}}, "greater than or equal to 0"),
    ({"synthetic": {"seed": "7"}}, "valid integer"),
    ({"synthetic": {"messages": 1_000_001}}, "less than or equal to 1000000"),
    ({"synthetic": {}, "speed": "0"}, "must be above 0"),
    ({"synthetic": {}, "speed": "1001"}, "at most 1000"),
    ({"synthetic": {}, "speed": 10}, 'put quotation marks around it, "10"'),
    ({"synthetic": {}, "atEnd": "Sleep"}, "Stand"),
    ({"synthetic": {}, "leverage": 126}, "less than or equal to 125"),
    ({"synthetic": {}, "balances": [{"asset": "usdt", "amount": "1"}]}, "must be the name of an asset"),
    ({"synthetic": {}, "balances": [{"asset": "USDT", "amount": "-1"}]}, "zero or more"),
    ({"synthetic": {}, "balances": [{"asset": "USDT", "amount": "1"}] * 2}, "an asset has one balance"),
    ({"synthetic": {}, "apiSecret": "hush"}, "Extra inputs are not permitted"),
    ({"synthetic": {}, "formatVersion": 2}, "should be 1"),
]


@pytest.mark.parametrize(("document", "words"), REFUSED)
def test_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ExchangeSpecification.model_validate(document)


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("channel", FaultChannel)
def test_a_fault_happens_where_it_can(kind: FaultKind, channel: FaultChannel) -> None:
    answers = {FaultKind.RATE_LIMITED, FaultKind.BANNED}
    of_messages = {FaultKind.DOUBLE, FaultKind.REORDER}
    request = channel is FaultChannel.REQUEST
    document = {"synthetic": {}, "faults": [{"kind": kind, "channel": channel, "after": 0}]}
    if (kind in answers and not request) or (kind in of_messages and request):
        with pytest.raises(ValidationError, match="choose another channel"):
            ExchangeSpecification.model_validate(document)
    else:
        assert ExchangeSpecification.model_validate(document).faults[0].kind is kind
