"""Whether the leader keeps up with its objects, and whether its passes over them end well."""

from tests.integration.alerts.cases import JOB, SILENT, Case, Steps, Table, Told, of

_QUEUE = "tradeplane_queue_depth"


def _waiting(objects: int, pod: str = "a") -> tuple[Told, ...]:
    summary = f"{objects} objects and more have waited for the operator for ten minutes, and they become more."
    return (Told(summary, {"job": JOB, "pod": pod}),)


def _growing(minute: int, objects: int, until: int = 100, step: int = 1) -> dict[float, float | None]:
    """Return a depth of 0 and, from a minute on, of some objects and one more each minute."""
    grown: dict[float, float | None] = {one: objects + step * (one - minute) for one in range(minute, until)}
    return {0: 0} | grown


QUEUE = Table(
    "TradeplaneQueueGrows",
    "warning",
    (
        # Ten minutes to tell that it was never less, and ten for which this is so.
        Case("it grows", {of(_QUEUE): _growing(10, 101)}, {29: SILENT, 29.5: _waiting(111), 60: _waiting(141)}),
        Case("it was a hundred once", {of(_QUEUE): {**_growing(10, 101), 29: 100, 29.5: 120}}, {29.5: SILENT}),
        Case(
            "it grew",
            {of(_QUEUE): {**_growing(10, 101, 50), **_growing(50, 141, step=-1)}},
            {54: _waiting(135), 56: SILENT},
        ),
        Case("it is full and stays so", {of(_QUEUE): {0: 200}}, {60: SILENT}),
        Case("it is worked off", {of(_QUEUE): {0: 0, **_growing(1, 500, step=-1)}}, {60: SILENT}),
        Case("it grows from nothing", {of(_QUEUE): _growing(0, 0)}, {60: SILENT}),
        Case("that of who stands by grows", {of(_QUEUE, "b"): _growing(10, 101)}, {60: SILENT}),
        Case(
            "that of who took over grows",
            {
                of(_QUEUE, "b"): _growing(10, 101),
                of("tradeplane_leader"): {0: 0},
                of("tradeplane_leader", "b"): {0: 1},
            },
            {29.5: _waiting(111, "b")},
        ),
        Case(
            "another job's grows",
            {of(_QUEUE, job="other"): _growing(10, 101)},
            {60: SILENT},
        ),
        Case(
            "it grows where another job's pod of that name leads",
            {of(_QUEUE, "b"): _growing(10, 101), of("tradeplane_leader", "b", job="other"): {0: 1}},
            {60: SILENT},
        ),
    ),
    # What `and` joins has the same labels, the job among them: one of the two need not ask for it.
    alike=tuple(f'{{job="{JOB}"}} -> {{}} ({one})' for one in (1, 2)),
)

_RETRIES = "tradeplane_reconcile_retries_total"


def _failed(cause: str, passes: int) -> tuple[Told, ...]:
    summary = f"{passes} passes of the operator ended in an error ({cause}) in 15 minutes."
    return (Told(summary, {"cause": cause}),)


def _retries(cause: str, count: int, pod: str = "a", job: str = JOB) -> dict[str, Steps]:
    """Return passes that ended by a cause, all at minute 20."""
    return {of(_RETRIES, pod, job, cause=cause): {0: 0, 20: count}}


FAILURES = Table(
    "TradeplaneReconcilesFail",
    "warning",
    (
        Case("none fails", {**_retries("refused", 0), **_retries("fault", 0)}, {60: SILENT}),
        Case(
            "six are refused",
            _retries("refused", 6),
            {24.5: SILENT, 25: _failed("refused", 6), 34: _failed("refused", 6), 34.5: SILENT},
        ),
        Case("five are refused", _retries("refused", 5), {25: SILENT}),
        Case("six faults", _retries("fault", 6), {24.5: SILENT, 25: _failed("fault", 6)}),
        Case("six on two replicas", _retries("fault", 3) | _retries("fault", 3, "b"), {25: _failed("fault", 6)}),
        Case("three of each", _retries("fault", 3) | _retries("refused", 3), {25: SILENT}),
        Case(
            "six of each",
            _retries("fault", 6) | _retries("refused", 6),
            {25: _failed("fault", 6) + _failed("refused", 6)},
        ),
        Case("they pass by themselves", _retries("conflict", 500) | _retries("gone", 500), {25: SILENT}),
        Case("another job's", _retries("fault", 500, job="other"), {25: SILENT}),
    ),
)


def _unreached(passes: int) -> tuple[Told, ...]:
    return (Told(f"{passes} passes of the operator did not reach the API server in ten minutes."),)


UNREACHABLE = Table(
    "TradeplaneApiServerUnreachable",
    "warning",
    (
        Case("it answers", _retries("unavailable", 0), {60: SILENT}),
        Case(
            "21 passes do not reach it",
            _retries("unavailable", 21),
            {24.5: SILENT, 25: _unreached(21), 29: _unreached(21), 29.5: SILENT},
        ),
        Case("20 passes do not reach it", _retries("unavailable", 20), {25: SILENT}),
        Case("on two replicas", _retries("unavailable", 11) | _retries("unavailable", 10, "b"), {25: _unreached(21)}),
        Case(
            "passes fail otherwise",
            _retries("refused", 500) | _retries("conflict", 500),
            {25: SILENT},
            also=("TradeplaneReconcilesFail",),
        ),
        Case("another job's", _retries("unavailable", 500, job="other"), {25: SILENT}),
    ),
)
