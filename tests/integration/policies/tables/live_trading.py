"""Who may have what trade live, where, and for how much."""

from typing import Any

from tests.integration.policies.cases import MISSING, OPERATOR, Case, Table
from tests.integration.policies.objects import DIGEST, named, strategy
from tests.integration.policies.server import Json
from tests.integration.policies.trials import HERE

TRADER, OTHER, APPROVER = "trader@example.com", "editor@example.com", "approver@example.com"
DESK, RISK = "trading-desk", "risk"
LABELS = {"tradeplane.dev/live-trading": "guarded"}
_LIMITS = {"notional": "100.5", "dailyLoss": "50"}


def _live(name: str = "new", mode: str | None = "Live", limits: Any = None, **changes: Any) -> Json:
    """Return a Strategy that trades live at the bounds."""
    spec: Json = {
        "snapshotRef": None,
        "connectionRef": {"name": "venue"},
        "session": {"symbols": ["BTCUSDT"]},
        "capital": "1000.000000001",
        "risk": {"maxLeverage": "2"},
        "execution": {"limits": _LIMITS | (limits or {})},
    }
    return strategy(name, mode=mode, **(spec | changes))


def _limits(**limits: str | None) -> Json:
    kept = {name: value for name, value in (_LIMITS | limits).items() if value is not None}
    return _live(execution={"limits": kept})


def _patch(name: str = "live", **spec: Any) -> Json:
    return named("Strategy", name, spec)


def _labelled(name: str) -> Json:
    return named("Strategy", name, {}, labels={"a": "b"})


NAMESPACES = Table(
    "live-trading",
    "tradeplane-live-namespaces",
    labels=LABELS,
    standing=(_live("live"), _live("paper", "Paper"), _live("stopped", suspend=True), _live("going", suspend=False)),
    cases=(
        Case("live, where it may be", _live()),
        Case("live elsewhere", _live(), "is not for this namespace", outside=True),
        Case("live elsewhere, as the operator", _live(), "is not for this namespace", outside=True, user=OPERATOR),
        Case("paper elsewhere", _live(mode="Paper"), outside=True),
        Case("a backtest elsewhere", strategy(), outside=True),
        Case(
            "becomes live elsewhere",
            _patch("paper", mode="Live"),
            "is not for this namespace",
            of="paper",
            outside=True,
        ),
        Case("one that was there is suspended", _patch(suspend=True), of="live", outside=True),
        Case(
            "one that was there is labelled", named("Strategy", "live", {}, labels={"a": "b"}), of="live", outside=True
        ),
        Case(
            "one that was there is changed", _patch(capital="1"), "is not for this namespace", of="live", outside=True
        ),
        Case(
            "one that was there loses a field",
            _patch(connectionRef=None),
            "is not for this namespace",
            of="live",
            outside=True,
        ),
        Case(
            "one that was there gains a field",
            _patch(image=f"a/b@{DIGEST}", suspend=True),
            "is not for this namespace",
            of="live",
            outside=True,
        ),
        Case(
            "one that was suspended goes on",
            _patch("stopped", suspend=False),
            "is not for this namespace",
            of="stopped",
            outside=True,
        ),
        Case(
            "one that was suspended is labelled",
            named("Strategy", "stopped", {}, labels={"a": "b"}),
            of="stopped",
            outside=True,
        ),
        Case("goes back to paper", _patch(mode="Paper"), of="live", outside=True),
        # Where the schema fills in no default, a field may be absent before, after, or both.
        Case("labelled, of no word of suspending", _labelled("live"), of="live", outside=True, lax=True),
        Case("no longer said to go on", _patch("going", suspend=None), of="going", outside=True, lax=True),
        Case(
            "no longer said to be suspended",
            _patch("stopped", suspend=None),
            "is not for this namespace",
            of="stopped",
            outside=True,
            lax=True,
        ),
        Case("a mode that is none yet", _live(mode="Shadow"), "is not for this namespace", outside=True, lax=True),
        Case("no mode", _live(mode=None), "is not for this namespace", outside=True, lax=True),
    ),
)

LIVE_PARAMETERS: Json = {
    "unguardedModes": ["Backtest", "Paper"],
    "namespaces": ["elsewhere", HERE],
    "users": [TRADER, "system:serviceaccount:argocd:argocd-application-controller"],
    "groups": [DESK],
    "approvers": [APPROVER, TRADER],
    "approverGroups": [RISK],
    "maxCapital": "1000.000000001",
    "maxLeverage": "2",
    "maxOrderNotional": "100.5",
    "maxDailyLoss": "50",
}
_AMOUNTS = ("maxCapital", "maxLeverage", "maxOrderNotional", "maxDailyLoss")


def _given(**changes: Any) -> Json:
    return {"liveTrading": LIVE_PARAMETERS | changes}


_HUGE = "999999999999999999.999999999"
_WHO, _WHERE, _NOTHING = "who may have", "is not among those of", "say nothing of live trading"
_CAPITAL, _LEVERAGE = "spec.capital may be at most", "spec.risk.maxLeverage may be at most"
_NOTIONAL, _LOSS = "limits.notional must be stated", "limits.dailyLoss must be stated"
_BAD_AMOUNTS = {
    "words": "much",
    "suffix": "1k",
    "exponent": "1e3",
    "sign": "-1",
    "space": " 1000",
    "empty": "",
    "digits": "1000000000000000000",
    "nano": "1000.0000000001",
    "point": "1000.",
}

_LAX = (
    *(Case(f"capital {text!r}", _live(capital=text), _CAPITAL, TRADER, lax=True) for text in _BAD_AMOUNTS.values()),
    *(
        Case(f"leverage {text!r}", _live(risk={"maxLeverage": text}), _LEVERAGE, TRADER, lax=True)
        for text in _BAD_AMOUNTS.values()
    ),
    *(
        Case(f"notional {text!r}", _limits(notional=text), _NOTIONAL, TRADER, lax=True)
        for text in _BAD_AMOUNTS.values()
    ),
    *(Case(f"loss {text!r}", _limits(dailyLoss=text), _LOSS, TRADER, lax=True) for text in _BAD_AMOUNTS.values()),
    Case("capital not stated", _live(capital=None), _CAPITAL, TRADER, lax=True),
    Case("leverage not stated", _live(risk={}), _LEVERAGE, TRADER, lax=True),
    Case("a number that is no text", _live(capital=5), "no such overload", TRADER, lax=True),
)

STRATEGIES = Table(
    "live-trading",
    "tradeplane-live-strategies",
    labels=LABELS,
    parameters={
        "given": _given(),
        "elsewhere": _given(namespaces=["elsewhere"]),
        "paper-too": _given(unguardedModes=["Backtest"]),
        "no-modes": _given(unguardedModes=[]),
        "huge": _given(**dict.fromkeys(_AMOUNTS, _HUGE)),
        "zero": _given(**dict.fromkeys(_AMOUNTS, "0")),
        "written-otherwise": _given(maxCapital="0001000.000000001", maxOrderNotional="100.500000000"),
        "nobody": _given(users=[], groups=[]),
        "nothing": {},
    },
    standing=(
        _live("live"),
        _live("paper", "Paper"),
        _live("stopped", suspend=True),
        _live("going", suspend=False),
        strategy("test"),
        _live(
            "above",
            capital="5000",
            risk={"maxLeverage": "50", "maintenanceMargin": "0.01"},
            limits={"notional": "9999", "dailyLoss": "9999"},
        ),
    ),
    cases=(
        Case("live, by one who may", _live(), user=TRADER),
        Case("live, by one of a group that may", _live(), groups=(DESK,)),
        Case("live, by another", _live(), _WHO, user=OTHER),
        Case("live, by one of another group", _live(), _WHO, groups=("trading", RISK)),
        Case("live, by the operator", _live(), _WHO, user=OPERATOR),
        Case("live, by one in other letters", _live(), _WHO, user=TRADER.upper()),
        Case("live, elsewhere", _live(), _WHERE, TRADER, given="elsewhere"),
        Case("live, where nobody is named", _live(), _WHO, TRADER, (DESK,), given="nobody"),
        Case("in a namespace that is not guarded", _live(), outside=True),
        Case("a backtest, by anybody", strategy(), user=OTHER),
        Case("paper, by anybody", _live(mode="Paper"), user=OTHER),
        Case("paper above what live may be", _live(mode="Paper", capital="5000"), user=OTHER),
        Case("paper, where it is guarded", _live(mode="Paper"), _WHO, OTHER, given="paper-too"),
        Case(
            "paper above, where it is guarded", _live(mode="Paper", capital="5000"), _CAPITAL, TRADER, given="paper-too"
        ),
        Case("a backtest, where no mode is named", strategy(), _WHO, OTHER, given="no-modes"),
        Case("a mode that is not stated is a backtest", strategy(mode=None), user=OTHER),
        # by how much
        Case("capital a nano above", _live(capital="1000.000000002"), _CAPITAL, TRADER),
        Case("capital above by its length", _live(capital="10000"), _CAPITAL, TRADER),
        Case("capital above, whose text sorts below", _live(capital="1001"), _CAPITAL, TRADER),
        Case("capital below, whose text sorts above", _live(capital="999"), user=TRADER),
        Case("capital with zeros in front", _live(capital="000000000000000999"), user=TRADER),
        Case("capital of all digits", _live(capital=_HUGE), _CAPITAL, TRADER),
        Case("capital as written otherwise", _live(), user=TRADER, given="written-otherwise"),
        Case("leverage above", _live(risk={"maxLeverage": "2.000000001"}), _LEVERAGE, TRADER),
        Case("leverage below", _live(risk={"maxLeverage": "1.999999999"}), user=TRADER),
        Case("leverage not stated, which is 1", _live(risk=None), user=TRADER),
        Case("notional above", _limits(notional="100.500000001"), _NOTIONAL, TRADER),
        Case("notional below", _limits(notional="99.9"), user=TRADER),
        Case("notional not stated", _limits(notional=None), _NOTIONAL, TRADER),
        Case("loss above", _limits(dailyLoss="50.000000001"), _LOSS, TRADER),
        Case("loss below", _limits(dailyLoss="5.9"), user=TRADER),
        Case("loss not stated", _limits(dailyLoss=None), _LOSS, TRADER),
        Case("no limits", _live(execution={}), _NOTIONAL, TRADER),
        Case("no execution", _live(execution=None), _NOTIONAL, TRADER),
        Case(
            "all digits, where that is the bound",
            _live(capital=_HUGE, execution={"limits": {"notional": _HUGE, "dailyLoss": _HUGE}}),
            user=TRADER,
            given="huge",
        ),
        Case(
            "the least there is, where zero is the bound", _live(capital="0.000000001"), _CAPITAL, TRADER, given="zero"
        ),
        *_LAX,
        # what is changed
        Case("becomes live", _patch("paper", mode="Live"), _WHO, OTHER, of="paper"),
        Case("becomes live, by one who may", _patch("paper", mode="Live"), user=TRADER, of="paper"),
        Case("is changed", _patch(capital="1"), _WHO, OTHER, of="live"),
        Case("is changed, by one who may", _patch(capital="1"), user=TRADER, of="live"),
        Case("is raised above, by one who may", _patch(capital="1001"), _CAPITAL, TRADER, of="live"),
        Case("is changed within", _patch(execution={"limits": {"dailyLoss": "49"}}), _WHO, OTHER, of="live"),
        Case("is asked for again", _patch(rerun=1), _WHO, OTHER, of="live"),
        Case("gains a field", _patch(image=f"a/b@{DIGEST}"), _WHO, OTHER, of="live"),
        Case("loses a field", _patch(connectionRef=None), _WHO, OTHER, of="live"),
        Case("goes back to paper", _patch(mode="Paper"), _WHO, OTHER, of="live"),
        Case("goes back to paper, by one who may", _patch(mode="Paper"), user=TRADER, of="live"),
        Case("goes back to paper above the bounds", _patch("above", mode="Paper"), user=TRADER, of="above"),
        Case("is suspended by anybody", _patch(suspend=True), user=OTHER, of="live"),
        Case("is suspended by anybody, above the bounds", _patch("above", suspend=True), user=OTHER, of="above"),
        Case("is suspended, and more", _patch(suspend=True, capital="1"), _WHO, OTHER, of="live"),
        Case("goes on", _patch("stopped", suspend=False), _WHO, OTHER, of="stopped"),
        Case("goes on, no longer said to be suspended", _patch("stopped", suspend=None), _WHO, OTHER, of="stopped"),
        Case("goes on, by one who may", _patch("stopped", suspend=False), user=TRADER, of="stopped"),
        Case("is labelled", named("Strategy", "live", {}, labels={"a": "b"}), user=OTHER, of="live"),
        Case(
            "gets the operator's finalizer",
            named("Strategy", "live", {}, finalizers=["tradeplane.dev/session"]),
            user=OPERATOR,
            of="live",
        ),
        Case(
            "gets the operator's finalizer while suspended",
            named("Strategy", "stopped", {}, finalizers=["tradeplane.dev/session"]),
            user=OPERATOR,
            of="stopped",
        ),
        Case("a backtest is changed", _patch("test", capital="5000"), user=OTHER, of="test"),
        Case(
            "a status without parameters",
            {**_patch(), "status": {"observedGeneration": 1}},
            user=OPERATOR,
            of="live",
            subresource="status",
            given=MISSING,
        ),
        Case("a mode that is none yet", _live(mode="Shadow"), _WHO, OTHER, lax=True),
        Case("no mode", _live(mode=None), _WHO, OTHER, lax=True),
        Case("a specification that is none", named("Strategy", "none", {}), _WHO, OTHER, lax=True),
        Case("labelled, of no word of suspending", _labelled("live"), user=OTHER, of="live", lax=True),
        Case("no longer said to go on", _patch("going", suspend=None), user=OTHER, of="going", lax=True),
        Case("no longer said to be suspended", _patch("stopped", suspend=None), _WHO, OTHER, of="stopped", lax=True),
        # by which parameters
        Case("no parameters", _live(), "no params found", TRADER, given=MISSING),
        Case("no parameters, a backtest", strategy(), "no params found", OTHER, given=MISSING),
        Case("nothing said", _live(), _NOTHING, TRADER, given="nothing"),
        Case("nothing said, a backtest", strategy(), _NOTHING, OTHER, given="nothing"),
    ),
)


def _connection(name: str = "venue", **changes: Any) -> Json:
    return named("BrokerConnection", name, {"type": "Binance", **changes})


CONNECTIONS = Table(
    "live-trading",
    "tradeplane-live-connections",
    labels=LABELS,
    parameters={"given": _given(), "nobody": _given(users=[], groups=[]), "nothing": {}},
    standing=(_connection("standing"),),
    cases=(
        Case("made by one who may", _connection(), user=TRADER),
        Case("made by one of a group that may", _connection(), groups=(DESK,)),
        Case("made by another", _connection(), _WHO, OTHER),
        Case("made by one of another group", _connection(), _WHO, groups=(RISK,)),
        Case("made where nobody is named", _connection(), _WHO, TRADER, (DESK,), given="nobody"),
        Case(
            "changed by another", named("BrokerConnection", "standing", {"suspend": True}), _WHO, OTHER, of="standing"
        ),
        Case(
            "changed by one who may",
            named("BrokerConnection", "standing", {"suspend": True}),
            user=TRADER,
            of="standing",
        ),
        Case(
            "labelled by another",
            named("BrokerConnection", "standing", {}, labels={"a": "b"}),
            user=OTHER,
            of="standing",
        ),
        Case("in a namespace that is not guarded", _connection(), outside=True),
        Case("no parameters", _connection(), "no params found", TRADER, given=MISSING),
    ),
)


def _approval(name: str = "a") -> Json:
    spec = {"strategyRef": {"name": "live"}, "configuration": DIGEST, "user": APPROVER, "bundle": "{}"}
    return named("Approval", name, spec)


APPROVALS = Table(
    "live-trading",
    "tradeplane-live-approvals",
    labels=LABELS,
    parameters={
        "given": _given(),
        "nobody": _given(approvers=[], approverGroups=[]),
        "no-traders": _given(users=[], groups=[]),
        "nothing": {},
    },
    standing=(_approval("standing"),),
    cases=(
        Case("by an approver", _approval(), user=APPROVER),
        Case("by one of the approvers' group", _approval(), groups=(RISK,)),
        Case("by another", _approval(), "is not among the approvers", OTHER),
        Case("by one of another group", _approval(), "is not among the approvers", groups=("audit",)),
        Case("by an approver who may set it", _approval(), "may not approve it", TRADER),
        Case("by an approver of a group that may set it", _approval(), "may not approve it", APPROVER, (DESK,)),
        Case("where nobody is named", _approval(), "is not among the approvers", APPROVER, (RISK,), given="nobody"),
        Case("nothing said", _approval(), "is not among the approvers", APPROVER, given="nothing"),
        Case("where nobody may set it", _approval(), user=APPROVER, given="no-traders"),
        Case("labelled by another", named("Approval", "standing", {}, labels={"a": "b"}), user=OTHER, of="standing"),
        Case("in a namespace that is not guarded", _approval(), outside=True),
        Case("no parameters", _approval(), "no params found", APPROVER, given=MISSING),
    ),
)
