import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.components.configuration import InvalidConfiguration
from tradeplane_stacks.components.retention import Retention, RetentionPolicy, RetentionTooWeak


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "COMPLIANCE"}, "days or years"),
        ({"mode": "COMPLIANCE", "days": 1, "years": 1}, "days or years"),
        ({"mode": "compliance", "days": 1}, "mode"),
        ({"days": 1}, "mode: Field required"),
        ({"mode": "COMPLIANCE", "days": 0}, "days"),
        ({"mode": "COMPLIANCE", "days": 36501}, "days"),
        ({"mode": "COMPLIANCE", "years": 0}, "years"),
        ({"mode": "COMPLIANCE", "years": 101}, "years"),
        ({"mode": "COMPLIANCE", "years": "many"}, "years"),
        ({"mode": "COMPLIANCE", "months": 1}, "months: Extra"),
    ],
)
def test_a_wrong_retention_is_refused_with_its_field(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        Retention.read(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "minimum_days: Field required"),
        ({"minimum_days": 0}, "minimum_days"),
        ({"minimum_days": 1, "modes": []}, "modes"),
        ({"minimum_days": 1, "modes": ["NONE"]}, r"modes\.0"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_field(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        RetentionPolicy.read(values)


@given(days=st.integers(1, 36_500), least=st.integers(1, 36_500))
def test_a_retention_passes_if_it_is_as_long_as_the_policy_asks(days: int, least: int) -> None:
    retention, policy = Retention(mode="COMPLIANCE", days=days), RetentionPolicy(minimum_days=least)
    if days >= least:
        policy.check(retention)
    else:
        with pytest.raises(RetentionTooWeak, match=f"{days} days are fewer than the {least} of the policy"):
            policy.check(retention)


@pytest.mark.parametrize(("least", "passes"), [(365 * 6, True), (365 * 6 + 1, False)])
def test_years_count_as_the_fewest_days_they_have(least: int, passes: bool) -> None:
    retention, policy = Retention(mode="COMPLIANCE", years=6), RetentionPolicy(minimum_days=least)
    if passes:
        policy.check(retention)
    else:
        with pytest.raises(RetentionTooWeak, match="2190 days"):
            policy.check(retention)


def test_a_mode_that_the_policy_does_not_have_is_refused() -> None:
    weak = Retention(mode="GOVERNANCE", years=10)
    with pytest.raises(RetentionTooWeak, match=r"retention\.mode: GOVERNANCE"):
        RetentionPolicy(minimum_days=1).check(weak)
    RetentionPolicy(minimum_days=1, modes=("GOVERNANCE", "COMPLIANCE")).check(weak)
