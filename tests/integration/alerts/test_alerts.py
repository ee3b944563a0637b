"""Every alert fires when it should and at no other time, as Prometheus itself evaluates its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.alerts.cases import JOB, SCRAPED_EVERY_S
from tests.integration.alerts.derived import weakenings
from tests.integration.alerts.notation import trial
from tests.integration.alerts.promtool import Promtool
from tests.integration.alerts.tables import TABLES
from tests.unit.deploy.manifests import manifests, the

if TYPE_CHECKING:
    from tests.integration.alerts.cases import Table

Json = dict[str, Any]
GROUPS: list[Json] = [group for _, one in manifests("PrometheusRule") for group in one["spec"]["groups"]]
RULES: dict[str, Json] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Promtool:
    return Promtool.of(tmp_path_factory.mktemp("promtool"))


def named(table: Table) -> str:
    return table.alert.removeprefix("Tradeplane")


def test_each_alert_has_a_table() -> None:
    assert [table.alert for table in TABLES] == list(dict.fromkeys(table.alert for table in TABLES))
    assert {table.alert for table in TABLES} == {*RULES}


@pytest.mark.parametrize("table", TABLES, ids=named)
def test_a_table_says_when_it_fires_and_when_it_does_not(table: Table) -> None:
    told = [each for case in table.cases for each in case.told.values()]
    assert [each for each in told if each]
    assert len([each for each in told if not each]) >= 3
    assert len({case.name for case in table.cases}) == len(table.cases)


def test_series_come_as_often_as_the_monitor_has_them_scraped() -> None:
    (endpoint,) = the("ServiceMonitor", JOB)["spec"]["endpoints"]
    assert endpoint["interval"] == f"{SCRAPED_EVERY_S}s"


def test_prometheus_takes_the_rules(promtool: Promtool) -> None:
    assert promtool.complaints([promtool.written("rules", {"groups": GROUPS})]) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"expr": "sum(tradeplane_leader) =="},
        {"for": "soon"},
        {"annotations": {"summary": "{{ $value | human }}"}},
        {"seveirty": "critical"},
    ],
    ids=lambda wrong: "".join(wrong),
)
def test_prometheus_takes_no_other(promtool: Promtool, wrong: Json) -> None:
    rule = RULES["TradeplaneNoLeader"] | wrong
    assert promtool.complaints([promtool.written("wrong", {"groups": [{"name": "wrong", "rules": [rule]}]})])


@pytest.mark.parametrize("table", TABLES, ids=named)
def test_it_fires_as_its_table_says_and_no_other_does(promtool: Promtool, table: Table) -> None:
    rules = promtool.written("rules", {"groups": GROUPS})
    tests = promtool.written(f"of-{table.alert}", trial(rules, [table], [*RULES]))
    assert promtool.faults([tests])[tests.stem] == []


@pytest.mark.parametrize("table", TABLES, ids=named)
def test_every_weakening_is_noticed(promtool: Promtool, table: Table) -> None:
    every = [("left out", None), *weakenings(RULES[table.alert])]
    rules = [
        promtool.written(f"{table.alert}-{number}-rules", {"groups": [{"name": "w", "rules": [rule] if rule else []}]})
        for number, (_, rule) in enumerate(every)
    ]
    assert promtool.complaints(rules) == "", "a rule that cannot be loaded would be noticed for that"
    tests = [promtool.written(f"{table.alert}-{number}", trial(file, [table], ())) for number, file in enumerate(rules)]
    faults = promtool.faults(tests)
    unnoticed = tuple(what for (what, _), file in zip(every, tests, strict=True) if not faults[file.stem])
    print(f"\n{table.alert}: {len(every) - len(unnoticed)} of {len(every)} weakenings noticed")
    assert unnoticed == table.alike
