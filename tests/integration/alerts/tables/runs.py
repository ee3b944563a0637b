"""Whether runs end well, and whether they find a place."""

from tests.integration.alerts.cases import JOB, SILENT, Case, Steps, Table, Told, of


def _ended(
    failed: Steps | None = None, succeeded: Steps | None = None, pod: str = "a", job: str = JOB
) -> dict[str, Steps]:
    """Return runs by how they ended, both counted from the start."""
    ends = {"Failed": failed or {0: 0}, "Succeeded": succeeded or {0: 0}}
    return {of("tradeplane_runs_finished_total", pod, job, outcome=end): steps for end, steps in ends.items()}


def _failed(runs: int) -> tuple[Told, ...]:
    return (Told(f"{runs} runs failed in the last hour, more than a quarter of all that ended."),)


FAILED = Table(
    "TradeplaneRunsFail",
    "warning",
    (
        Case("none ends", _ended(), {60: SILENT}),
        Case(
            "five fail at once",
            _ended({0: 0, 1: 5}),
            {5.5: SILENT, 6: _failed(5), 60: _failed(5), 60.5: SILENT},
        ),
        Case("five fail one after another", _ended({0: 0, 10: 1, 20: 2, 30: 3, 40: 4, 50: 5}), {55: _failed(5)}),
        Case("four of ten fail", _ended({0: 0, 1: 4}, {0: 0, 1: 6}), {6: SILENT}),
        Case("all succeed", _ended(succeeded={0: 0, 1: 500}), {6: SILENT}),
        Case("five of twenty fail", _ended({0: 0, 1: 5}, {0: 0, 1: 15}), {6: SILENT}),
        Case("five of nineteen fail", _ended({0: 0, 1: 5}, {0: 0, 1: 14}), {5.5: SILENT, 6: _failed(5)}),
        Case("five fail on two replicas", _ended({0: 0, 1: 3}) | _ended({0: 0, 1: 2}, pod="b"), {6: _failed(5)}),
        Case(
            "five fail on a replica, fourteen succeed on the other, and many are cancelled",
            _ended({0: 0, 1: 5})
            | _ended(succeeded={0: 0, 1: 14}, pod="b")
            | {of("tradeplane_runs_finished_total", outcome="Cancelled"): {0: 0, 1: 500}},
            {6: _failed(5)},
        ),
        Case("four in each of two hours fail", _ended({0: 0, 10: 4, 90: 8}), {95: SILENT}),
        Case(
            "six of this hour's 26 fail, and all of an earlier one's",
            _ended({0: 0, 10: 100, 90: 106}, {0: 0, 90: 20}),
            {95: SILENT, 125: SILENT},
        ),
        Case(
            "an hour that went well is over",
            _ended({0: 0, 90: 6}, {0: 0, 10: 500, 90: 510}),
            {95: _failed(6), 125: _failed(6)},
        ),
        Case("another job's fail", _ended({0: 0, 1: 500}, job="other"), {6: SILENT}),
        Case(
            "five of twenty fail, and all of another job's",
            _ended({0: 0, 1: 5}, {0: 0, 1: 15}) | _ended({0: 0, 1: 500}, job="other"),
            {6: SILENT},
        ),
        Case(
            "five of nineteen fail, and none of another job's",
            _ended({0: 0, 1: 5}, {0: 0, 1: 14}) | _ended(succeeded={0: 0, 1: 500}, job="other"),
            {6: _failed(5)},
        ),
        Case(
            "four fail, and one of another job's",
            _ended({0: 0, 1: 4}) | _ended({0: 0, 1: 1}, job="other"),
            {6: SILENT},
        ),
    ),
)


def _runs(state: str, steps: Steps, pod: str = "a", job: str = JOB) -> dict[str, Steps]:
    return {of("tradeplane_runs", pod, job, state=state): steps}


def _wait(runs: int, pod: str = "a") -> tuple[Told, ...]:
    summary = f"Runs have waited for a place among limits.runs for an hour; {runs} at least."
    return (Told(summary, {"job": JOB, "pod": pod, "state": "waiting"}),)


WAITING = Table(
    "TradeplaneRunsWait",
    "info",
    (
        Case("none waits", _runs("waiting", {0: 0}) | _runs("running", {0: 50}), {80: SILENT}),
        Case("one waits", _runs("waiting", {0: 0, 10: 1}), {69: SILENT, 69.5: _wait(1), 100: _wait(1)}),
        Case("some wait, now more, now fewer", _runs("waiting", {0: 0, 10: 9, 50: 4, 55: 7}), {69.5: _wait(4)}),
        Case("for a moment none did", _runs("waiting", {0: 0, 10: 3, 60: 0, 60.5: 3}), {69.5: SILENT, 100: SILENT}),
        Case("those of who stands by", _runs("waiting", {0: 3}, "b"), {80: SILENT}),
        Case(
            "those of who took over",
            {**_runs("waiting", {0: 3}, "b"), of("tradeplane_leader"): {0: 0}, of("tradeplane_leader", "b"): {0: 1}},
            {80: _wait(3, "b")},
        ),
        Case("another job's", _runs("waiting", {0: 3}, job="other"), {80: SILENT}),
        Case(
            "of who stands by, where another job's pod of that name leads",
            {**_runs("waiting", {0: 3}, "b"), of("tradeplane_leader", "b", job="other"): {0: 1}},
            {80: SILENT},
        ),
    ),
)
