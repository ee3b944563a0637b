"""The table of prices is whole, dated and without contradictions, and knows nothing that it does not have."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from tradeplane_stacks.estimate.price_table import PriceTable, price_table


def table(**changes: Any) -> PriceTable:
    one = {"source": "https://prices.example", "prices": {"us-east-1": {"nat-gateway/hour": "0.5"}}}
    return PriceTable.parse({"read": "2026-01-31", "currency": "USD", "sources": [one]} | changes)


def source(prices: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {"source": "https://other.example", "prices": prices}


def test_the_table_that_is_shipped_is_dated_and_sourced() -> None:
    shipped = price_table()
    assert date(2026, 1, 1) <= shipped.read
    assert all("https://" in one.source or "github.com/" in one.source for one in shipped.sources)


def test_an_hourly_price_is_of_730_hours_and_a_monthly_one_of_one_month() -> None:
    found = table(sources=[source({"us-east-1": {"nat-gateway/hour": "0.1", "secret/month": "0.4"}})])
    assert found.monthly("nat-gateway/hour", "us-east-1") == Decimal("73.0")
    assert found.monthly("secret/month", "us-east-1") == Decimal("0.4")


def test_a_price_of_a_partition_is_that_of_its_regions_and_of_no_other_partition() -> None:
    found = table(sources=[source({"aws": {"kms-key/month": "1"}})])
    assert found.price("kms-key/month", "eu-west-1") == 1
    assert found.price("kms-key/month", "us-gov-west-1") is None


def test_a_region_s_own_price_comes_before_its_partition_s() -> None:
    found = table(sources=[source({"aws": {"kms-key/month": "1"}, "sa-east-1": {"kms-key/month": "2"}})])
    assert found.price("kms-key/month", "sa-east-1") == 2


def test_what_is_not_in_the_table_has_no_price() -> None:
    assert table().price("nat-gateway/hour", "eu-west-1") is None
    assert table().monthly("nat-gateway/GB", "us-east-1") is None


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([], "at least 1 item"),
        ([source({"mars-north-1": {"kms-key/month": "1"}})], "'mars-north-1' is neither a region nor a partition"),
        ([source({"us-east-1": {"kms-key": "1"}})], "should match pattern"),
        ([source({"us-east-1": {"kms-key/fortnight": "1"}})], "should match pattern"),
        ([source({"us-east-1": {"kms-key/month": "0"}})], "greater than 0"),
        ([source({"us-east-1": {"kms-key/month": "-1"}})], "greater than 0"),
        ([source({"us-east-1": {"kms-key/month": "1"}})] * 2, "kms-key/month in us-east-1 has two prices"),
        ([{"source": "", "prices": {}}], "at least 1 character"),
        ([{"prices": {}}], "Field required"),
    ],
)
def test_a_table_that_is_wrong_is_refused(sources: list[Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        table(sources=sources)


@pytest.mark.parametrize(
    "changes", [{"read": None}, {"currency": "EUR"}, {"discount": "0.1"}, {"read": "yesterday"}], ids=str
)
def test_a_table_without_its_day_or_in_another_currency_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        table(**changes)
