"""Finds a strategy by name, and reads its parameters.

Users' strategies are entry points of the group ``tradeplane.strategies``, whose name is the strategy's. A built-in name
cannot be taken over, and a name that two distributions claim is refused: which of them ran must never be in doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ValidationError
from tradeplane_api.forms import VALIDATIONS

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.strategies.faults import faults_of, spelled
from tradeplane_workloads.strategies.protocol import API_VERSION, EventStrategy, Strategy
from tradeplane_workloads.strategies.reversion import BollingerReversion, Pairs, RsiReversion, ZscoreReversion
from tradeplane_workloads.strategies.trend import BuyAndHold, MacdMomentum, SmaCross

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

    from pydantic_core import ErrorDetails

ENTRY_POINTS = "tradeplane.strategies"
"""The entry point group of users' strategies."""

_ON_BARS: tuple[Strategy, ...] = (
    BuyAndHold(),
    SmaCross(),
    MacdMomentum(),
    RsiReversion(),
    BollingerReversion(),
    ZscoreReversion(),
    Pairs(),
)
ON_BARS = {strategy.name: strategy for strategy in _ON_BARS}
"""The built-in strategies that decide on bars, by name."""
ON_EVENTS = ("market-maker", "pairs-trader")
"""Names of the built-in strategies on events; a run on bars starts without loading them."""
BUILT_IN: dict[str, Strategy | EventStrategy] = {**ON_BARS}
"""The built-in strategies by name; none keeps state, so one of each is enough."""


def entry_points(group: str) -> EntryPoints:
    """Entry points of a group. What finds them takes long to load; built-in strategies do without."""
    from importlib import metadata

    return metadata.entry_points(group=group)


def strategy_names() -> tuple[str, ...]:
    """Names of all strategies there are: the built-in ones, then users', each in order."""
    ours = {*BUILT_IN, *ON_EVENTS}
    theirs = {point.name for point in entry_points(group=ENTRY_POINTS)} - ours
    return (*sorted(ours), *sorted(theirs))


def find_strategy(name: str) -> Strategy | EventStrategy:
    """Find the strategy of a name.

    Raises InvalidSpecification when there is none, when two distributions claim the name, or when it does not fit.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in ON_EVENTS:
        from tradeplane_workloads.strategies.quoting import QUOTING

        return QUOTING[name]
    points = [point for point in entry_points(group=ENTRY_POINTS) if point.name == name]
    if not points:
        raise InvalidSpecification(
            f"algorithm.name: there is no strategy {name!r}; give one of {', '.join(strategy_names())}, "
            f"or install a package with an entry point of that name in the group {ENTRY_POINTS}"
        )
    if len(points) > 1:
        claimants = ", ".join(sorted(_distribution(point) for point in points))
        raise InvalidSpecification(f"algorithm.name: {name!r} is claimed by {claimants}; uninstall all but one")
    return _load(points[0])


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _load(point: EntryPoint) -> Strategy | EventStrategy:
    where = f"algorithm.name: strategy {point.name!r} ({point.value} of {_distribution(point)})"
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:
        raise InvalidSpecification(
            f"{where} cannot be imported: {spelled(error)}; mend or reinstall its package"
        ) from error
    version = getattr(loaded, "api_version", None)
    if version != API_VERSION:
        raise InvalidSpecification(
            f"{where} was written for strategy API {version!r}, and this is {API_VERSION!r}; "
            "install a version of its package for this one"
        )
    if getattr(loaded, "name", None) != point.name:
        raise InvalidSpecification(f"{where} calls itself {getattr(loaded, 'name', None)!r}; the two must be the same")
    parameters = getattr(loaded, "Parameters", None)
    if not (isinstance(parameters, type) and issubclass(parameters, BaseModel)):
        raise InvalidSpecification(f"{where} has no Parameters that derive from pydantic.BaseModel")
    methods = [name for name in ("targets", "trader") if callable(getattr(loaded, name, None))]
    if len(methods) != 1:
        raise InvalidSpecification(
            f"{where} must have one of the methods targets(bars, parameters, rng) and "
            f"trader(instruments, parameters, rng), and has {' and '.join(methods) or 'neither'}"
        )
    with faults_of(point.name, "when it was made"):
        return cast("Strategy | EventStrategy", loaded())


def parse_parameters(strategy: Strategy | EventStrategy, given: dict[str, Any]) -> BaseModel:
    """Read the strategy's parameters from what a user gave.

    Raises InvalidSpecification with every parameter that is wrong, what it must be, and the value given; StrategyFailed
    where the strategy's own model fails otherwise than by refusing.
    """
    with faults_of(strategy.name, "when it read its parameters"):
        try:
            return strategy.Parameters.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(_problem(strategy, details) for details in error.errors(include_url=False))
            raise InvalidSpecification(f"{problems} (algorithm {strategy.name})") from error


def _problem(strategy: Strategy | EventStrategy, details: ErrorDetails) -> str:
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in details["loc"])
    if details["type"] == "extra_forbidden":
        takes = ", ".join(each.alias or name for name, each in strategy.Parameters.model_fields.items()) or "none"
        return f"algorithm.parameters{field}: there is no such parameter; it takes {takes}"
    if not field:
        return f"algorithm.parameters: {_own_words(details)}"
    if details["type"] == "missing":
        wanted = _wanted(strategy, details)
        return f"algorithm.parameters{field}: must be given" + (
            f", and {wanted.removeprefix('must ')}" if wanted else ""
        )
    said = "" if details["type"] in _OWN_WORDS else _wanted(strategy, details)
    return f"algorithm.parameters{field}: {said or _own_words(details)}; given {details['input']!r}"


_OWN_WORDS = frozenset({"refused", "value_error", "assertion_error"})
"""Types of the errors whose words a model chooses itself: those of the API, and validators of strategies."""


def _own_words(details: ErrorDetails) -> str:
    said = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").removeprefix("Input ")
    return said[:1].lower() + said[1:] if details["type"] not in _OWN_WORDS else said


def _wanted(strategy: Strategy | EventStrategy, details: ErrorDetails) -> str:
    """Return what a parameter must be, from its JSON schema; "" of a part of one, and where that says too little."""
    name, *within = details["loc"]
    if within:
        return ""
    schema = strategy.Parameters.model_json_schema().get("properties", {}).get(name, {})
    rules = schema.get(VALIDATIONS)
    return str(rules[0]["message"]) if rules else _range(schema)


def _range(schema: dict[str, Any]) -> str:
    """Describe a type and its bounds in words; "" where it is none of the plain ones."""
    if "enum" in schema:
        return f"must be one of {', '.join(map(str, schema['enum']))}"
    kinds = {"integer": "a whole number", "number": "a number", "string": "a string", "boolean": "true or false"}
    if schema.get("type") not in kinds:
        return ""
    words = [kinds[schema["type"]]]
    bounds = {"minimum": "of at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    if "minimum" in schema and "maximum" in schema:
        words.append(f"from {schema['minimum']:g} to {schema['maximum']:g}")
    else:
        words.extend(f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema)
    return f"must be {' '.join(words)}"
