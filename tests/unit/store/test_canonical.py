from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from tradeplane_api.run import Part, RunSpecification, Summary
from tradeplane_store.canonical import canonical_json, document_digest, result_digest, run_digest, sha256_digest

SNAPSHOT = "sha256:" + "ab" * 32
SPECIFICATION = {
    "run": "r1",
    "snapshots": [SNAPSHOT],
    "image": "registry/workloads@sha256:" + "cd" * 32,
    "simulation": {
        "algorithm": {"name": "sma-cross", "parameters": {"fast": 5, "slow": 20}},
        "capital": "1000",
        "seed": 7,
    },
}


def specification(**changes: Any) -> RunSpecification:
    return RunSpecification.model_validate({**SPECIFICATION, **changes})


def simulation(**changes: Any) -> RunSpecification:
    return specification(simulation={**SPECIFICATION["simulation"], **changes})  # type: ignore[dict-item]


def test_the_example_of_rfc_8785() -> None:
    value = json.loads(
        r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
        r'"string":"€$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}'
    )
    assert (
        canonical_json(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {1: "a"}, object()])
def test_what_json_cannot_carry_exactly_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no canonical JSON form"):
        canonical_json({"a": value})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_reading_it_back_gives_the_same_bytes(value: object) -> None:
    data = canonical_json(value)
    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data


_ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_ANY_JSON)
@example({"\ue000": 1, "\U0001f600": 2})
@example({"a": {"é": "".join(map(chr, range(0x20))), "\x7f": "\x7f\u2028/"}})
@example([1e16, 1e21, -0.0, 5e-324, 0.1])
@example({"b": -(2**53) + 1, "": (1, [True, None])})
def test_what_is_written_quickly_is_what_the_writer_of_rfc_8785_writes(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


def test_any_number_of_levels_has_the_form() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    assert canonical_json(deep) == rfc8785.dumps(deep)


def test_a_digest_is_spelled_as_oci_does() -> None:
    assert sha256_digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_document_has_one_digest_however_it_is_spelled() -> None:
    spelled = json.dumps(SPECIFICATION, indent=3, sort_keys=True)
    assert document_digest(RunSpecification.model_validate_json(spelled)) == document_digest(specification())
    filled_in = specification().model_dump(mode="json", by_alias=True)
    assert document_digest(RunSpecification.model_validate(filled_in)) == document_digest(specification())
    assert document_digest(specification()) == sha256_digest(canonical_json(specification()))


def test_the_name_of_a_run_does_not_decide_its_result() -> None:
    assert run_digest(specification(run="r2")) == run_digest(specification())


@pytest.mark.parametrize(
    "changed",
    [
        specification(image=None),
        specification(image="registry/workloads@sha256:" + "ce" * 32),
        specification(snapshots=["sha256:" + "ac" * 32]),
        specification(snapshots=[SNAPSHOT, SNAPSHOT]),
        simulation(seed=8),
        simulation(capital="1000.0"),
        simulation(algorithm={"name": "sma-cross", "parameters": {"fast": 6, "slow": 20}}),
        simulation(algorithm={"name": "sma-cross", "parameters": {"fast": 5}}),
        simulation(costs={"slippageBasisPoints": "1"}),
        simulation(risk={"allowShort": True}),
        simulation(riskFreeRate="0.01"),
    ],
)
def test_everything_else_decides(changed: RunSpecification) -> None:
    assert run_digest(changed) != run_digest(specification())


def _summary(**changes: Any) -> Summary:
    undefined = [
        "annual_return",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "max_drawdown_start",
        "max_drawdown_end",
        "turnover",
        "hit_rate",
    ]
    figures = {
        "start": "2020-01-01T21:00:00Z",
        "end": "2020-01-02T21:00:00Z",
        "bars": 2,
        "trades": 0,
        "final_equity": "1000.000000000",
        "total_return": "0.000000000",
        "max_drawdown": "0.000000000",
        "exposure": "0.000000000",
    }
    return Summary.model_validate({**dict.fromkeys(undefined), **figures, **changes})


def _part(name: str, fill: str = "a", rows: int = 1, blocks: tuple[str, ...] = ()) -> Part:
    return Part(name=name, rows=rows, digest="sha256:" + fill * 64, blocks=blocks)


def test_a_result_digest_is_of_parts_and_summary() -> None:
    parts = [_part("equity"), _part("trades", "b")]
    digest = result_digest(parts, _summary())
    written = {
        "formatVersion": 1,
        "kind": "Results",
        "parts": [
            {"name": "equity", "rows": 1, "digest": "sha256:" + "a" * 64},
            {"name": "trades", "rows": 1, "digest": "sha256:" + "b" * 64},
        ],
        "summary": _summary().model_dump(mode="json", by_alias=True),
    }
    text = json.dumps(written, sort_keys=True, separators=(",", ":"))
    assert digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert result_digest(parts[::-1], _summary()) == digest
    assert result_digest([_part("equity", blocks=("sha256:" + "c" * 64,)), parts[1]], _summary()) == digest


@pytest.mark.parametrize(
    ("parts", "summary"),
    [
        ([_part("equity", "b")], _summary()),
        ([_part("equity", rows=2)], _summary()),
        ([_part("trades")], _summary()),
        ([], _summary()),
        ([_part("equity")], _summary(bars=3)),
        ([_part("equity")], _summary(sharpe="0.000000000")),
    ],
)
def test_a_result_digest_changes_with_any_of_it(parts: list[Part], summary: Summary) -> None:
    assert result_digest(parts, summary) != result_digest([_part("equity")], _summary())


def test_the_operator_needs_neither_arrow_nor_numpy() -> None:
    import subprocess
    import sys

    program = (
        "import sys, tradeplane_store.canonical, tradeplane_store.objects, tradeplane_store.remote, "
        "tradeplane_store.layout\nprint([name for name in ('pyarrow', 'numpy', 'pandas') if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert finished.stdout.strip() == "[]"
