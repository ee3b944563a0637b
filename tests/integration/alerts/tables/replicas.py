"""Whether there are replicas of the operator, and whether one of them leads."""

from collections.abc import Mapping

from tests.integration.alerts.cases import SILENT, Case, Steps, Table, Told, of

_DOWN = (Told("No replica of the operator can be scraped."),)
_GONE: Mapping[str, Steps] = {of("tradeplane_leader"): {0: 1, 10: None}, of("tradeplane_leader", "b"): {0: 0, 10: None}}
_FIRST, _SECOND = of("up"), of("up", "b")

DOWN = Table(
    "TradeplaneOperatorDown",
    "critical",
    (
        Case("both run", {}, {30: SILENT}),
        Case(
            "neither answers",
            {**_GONE, _FIRST: {0: 1, 10: 0}, _SECOND: {0: 1, 10: 0}},
            {14.5: SILENT, 15: _DOWN, 60: _DOWN},
        ),
        Case(
            "neither is there any more",
            {**_GONE, _FIRST: {0: 1, 10: None}, _SECOND: {0: 1, 10: None}},
            {14.5: SILENT, 15: _DOWN},
        ),
        Case(
            "there were never any, and another job's are",
            {_FIRST: {}, _SECOND: {}, of("up", job="other"): {0: 1}},
            {4.5: SILENT, 5: _DOWN},
        ),
        Case("one of two does not answer", {_FIRST: {0: 1}, _SECOND: {0: 0}}, {30: SILENT}),
        Case("back within five minutes", {_FIRST: {0: 0, 4.5: 1}, _SECOND: {0: 0}}, {4: SILENT, 5: SILENT}),
        Case(
            "back for a moment",
            {_FIRST: {0: 0, 4: 1, 4.5: 0}, _SECOND: {0: 0}},
            {5: SILENT, 9: SILENT, 9.5: _DOWN},
        ),
    ),
)

_NOBODY = (Told("No replica of the operator leads, so that nothing is started and nothing is recorded."),)
_LEADS, _FOLLOWS = of("tradeplane_leader"), of("tradeplane_leader", "b")

NO_LEADER = Table(
    "TradeplaneNoLeader",
    "critical",
    (
        Case("one leads", {}, {30: SILENT}),
        Case("nobody leads any more", {_LEADS: {0: 1, 10: 0}}, {11.5: SILENT, 12: _NOBODY, 60: _NOBODY}),
        Case(
            "nobody leads, and another job's replica does",
            {_LEADS: {0: 0}, of("tradeplane_leader", job="other"): {0: 1}},
            {1.5: SILENT, 2: _NOBODY},
        ),
        Case("who led is gone", {_LEADS: {0: 1, 10: None}}, {11.5: SILENT, 12: _NOBODY}),
        Case("the other takes over", {_LEADS: {0: 1, 10: 0}, _FOLLOWS: {0: 0, 11.5: 1}}, {11: SILENT, 12: SILENT}),
        Case(
            "there is none that could",
            {_LEADS: {}, _FOLLOWS: {}},
            {30: SILENT},
        ),
        Case("both lead", {_FOLLOWS: {0: 1}}, {30: SILENT}, also=("TradeplaneSeveralLeaders",)),
    ),
)


def _several(replicas: int) -> tuple[Told, ...]:
    return (Told(f"{replicas} replicas of the operator say that they lead."),)


SEVERAL_LEADERS = Table(
    "TradeplaneSeveralLeaders",
    "critical",
    (
        Case("one leads", {}, {30: SILENT}),
        Case("both lead", {_FOLLOWS: {0: 0, 10: 1}}, {11.5: SILENT, 12: _several(2), 60: _several(2)}),
        Case("three lead", {_FOLLOWS: {0: 1}, of("tradeplane_leader", "c"): {0: 1}}, {1.5: SILENT, 2: _several(3)}),
        Case(
            "the first does not know yet", {_LEADS: {0: 1, 11.5: 0}, _FOLLOWS: {0: 0, 10: 1}}, {12: SILENT, 30: SILENT}
        ),
        Case("one leads, and one of another job", {of("tradeplane_leader", job="other"): {0: 1}}, {30: SILENT}),
        Case("nobody leads", {_LEADS: {0: 0}}, {30: SILENT}, also=("TradeplaneNoLeader",)),
    ),
)
