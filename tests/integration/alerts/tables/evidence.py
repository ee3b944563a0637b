"""Whether what ran is attested, and whether anything was found that should not be."""

from itertools import accumulate

from tests.integration.alerts.cases import JOB, SILENT, Case, Steps, Table, Told, counted, of

_ATTESTATIONS = "tradeplane_attestations_total"


def _attempts(unavailable: Steps, done: Steps | None = None, pod: str = "a", job: str = JOB) -> dict[str, Steps]:
    """Return attempts at attestations, of both ends counted from the start."""
    ends = {"Unavailable": unavailable, "Done": done or {0: 0}}
    return {of(_ATTESTATIONS, pod, job, end=end): steps for end, steps in ends.items()}


def _one_run(minute: float, until: float = 200) -> dict[float, float | None]:
    """Return attempts at one run's attestation that all end as the first: after pauses as the operator makes them.

    Each takes a while itself: a registry that does not answer is waited for.
    """
    pauses = [min(5 * 2**number, 300) + 10 for number in range(50)]
    return counted(*(one for one in accumulate([minute, *(pause / 60 for pause in pauses)]) if one < until))


_UNATTESTED = (Told("Runs that ended are not attested, as registry, signer or store is not reached."),)

UNATTESTED = Table(
    "TradeplaneAttestationsFail",
    "warning",
    (
        Case("none is attempted", _attempts({0: 0}), {60: SILENT}),
        Case(
            "one run is not attested",
            _attempts(_one_run(20)) | _attempts({0: 0}, pod="b"),
            {34.5: SILENT, 35.5: _UNATTESTED, **dict.fromkeys(range(36, 120, 2), _UNATTESTED)},
        ),
        Case(
            "one run is not, each attempt at which takes nine minutes",
            _attempts(counted(20, 29, 38, 47, 56)),
            {34.5: SILENT, 35: _UNATTESTED, 60: _UNATTESTED},
        ),
        Case("many are not", _attempts({minute: 10 * minute for minute in range(100)}), {60: _UNATTESTED}),
        Case("one is at the second attempt", _attempts(counted(20), counted(20.5)), {36: SILENT, 50: SILENT}),
        Case("one is not, and its Strategy is deleted", _attempts(counted(20)), {36: SILENT, 40: SILENT}),
        Case("one is not, and others are", _attempts(_one_run(20), counted(*range(20, 200, 14))), {100: SILENT}),
        Case(
            "one is not, and no other since",
            _attempts(_one_run(20), counted(30)),
            {59: SILENT, 59.5: _UNATTESTED},
        ),
        Case(
            "one is not, and others are by who took over",
            _attempts(_one_run(20)) | _attempts({0: 0}, counted(*range(20, 200, 14)), "b"),
            {100: SILENT},
        ),
        Case(
            "one is not, and others of another job are",
            _attempts(_one_run(20)) | _attempts({0: 0}, counted(*range(20, 200, 14)), job="other"),
            {100: _UNATTESTED},
        ),
        Case("another job's are not", _attempts(_one_run(20), job="other"), {100: SILENT}),
        Case(
            "they are refused",
            {of(_ATTESTATIONS, end="Refused"): {minute: minute for minute in range(100)}},
            {60: SILENT},
            also=("TradeplaneAttestationRefused",),
        ),
    ),
)


def _once(
    alert: str, severity: str, summary: str, counter: str, bad: tuple[str, str], well: str, minutes: int
) -> Table:
    """Return the table of an alert that one count is enough for, and which it fires for so many minutes.

    ``bad``: the label that it asks for, and its value; ``well``: another value of it.
    """
    label, value = bad

    def count(pod: str = "a", job: str = JOB) -> str:
        return of(counter, pod, job, **{label: value})

    fires, last = (Told(summary),), 40.0 + minutes
    cases = (
        Case("never", {count(): {0: 0}}, {60: SILENT}),
        Case(
            "once, by one of two replicas",
            {count(): counted(40), count("b"): {0: 0}},
            {39.5: SILENT, 40: fires, last - 1: fires, last - 0.5: SILENT},
        ),
        Case("once, by each of two", {count(): counted(40), count("b"): counted(40)}, {40: fires}),
        Case(
            "once, by one of two replicas that were not scraped before",
            {count("c"): {40: 1}, count("d"): {40: 0}},
            {39.5: SILENT, 40: fires, last - 0.5: fires, last: SILENT},
        ),
        Case("never, by a replica that was not scraped before", {count("c"): {40: 0}}, {45: SILENT}),
        Case("long ago", {count(): {0: 7}}, {last + 20: SILENT}),
        Case(
            "it was well",
            {of(counter, **{label: well}): {0: 0, 40: 500}, of(counter, "c", **{label: well}): {40: 500}},
            {40: SILENT, 45: SILENT},
        ),
        Case(
            "another job's",
            {count(job="other"): counted(40), count("c", "other"): {40: 1}},
            {40: SILENT, 45: SILENT},
        ),
    )
    of_job, of_end = f'job="{JOB}"', f'{label}="{value}"'
    # What `unless` compares has the same labels, these two among them.
    alike = tuple(f"{{{of_job},{of_end}}} -> {{{left}}} (3)" for left in (of_end, of_job))
    return Table(alert, severity, cases, alike)


ATTESTATIONS_REFUSED = _once(
    "TradeplaneAttestationRefused",
    "warning",
    "What was to be attested is not what was recorded, or the registry does not take it.",
    _ATTESTATIONS,
    ("end", "Refused"),
    "Done",
    minutes=30,
)
IMAGES_REFUSED = _once(
    "TradeplaneImagesRefused",
    "warning",
    "An image was asked for that nobody trusted has attested.",
    "tradeplane_image_checks_total",
    ("end", "Refused"),
    "Attested",
    minutes=30,
)
REPLAYS_DIVERGED = _once(
    "TradeplaneReplayDiverged",
    "critical",
    "A replay did not do what was recorded.",
    "tradeplane_replays_judged_total",
    ("parity", "Diverged"),
    "Exact",
    minutes=60,
)
