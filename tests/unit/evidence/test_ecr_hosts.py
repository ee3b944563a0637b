"""A host is one of Amazon ECR's to its last character, or nobody is told who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tradeplane_evidence.errors import RegistryRefused
from tradeplane_evidence.registry import ecr
from tradeplane_evidence.registry.credentials import Credentials, credentials_for
from tradeplane_evidence.registry.ecr import EcrRegistry, ecr_registry

if TYPE_CHECKING:
    from pathlib import Path

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
REGISTRY = EcrRegistry("123456789012", "eu-west-1")
SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")


@pytest.mark.parametrize(
    ("host", "registry"),
    [
        (HOST, REGISTRY),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", EcrRegistry("123456789012", "us-east-1", fips=True)),
        ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", EcrRegistry("123456789012", "us-gov-west-1")),
        ("123456789012.dkr.ecr.ap-southeast-3.amazonaws.com", EcrRegistry("123456789012", "ap-southeast-3")),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", EcrRegistry("123456789012", "cn-north-1")),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", EcrRegistry("123456789012", "eu-west-1", dual_stack=True)),
        (
            "123456789012.dkr-ecr-fips.us-east-1.on.aws",
            EcrRegistry("123456789012", "us-east-1", fips=True, dual_stack=True),
        ),
    ],
)
def test_account_and_region_are_those_of_the_host(host: str, registry: EcrRegistry) -> None:
    assert ecr_registry(host) == registry


@pytest.mark.parametrize(
    "host",
    [
        f"{HOST}.evil.example",
        f"{HOST}.",
        f"{HOST}:443",
        f"{HOST}@evil.example",
        f"{HOST}\n",
        f"x.{HOST}",
        f"x{HOST}",
        f"evil.example/{HOST}",
        "123.dkr.ecr.eu-west-1.amazonaws.com",
        "1234567890123.dkr.ecr.eu-west-1.amazonaws.com",
        "١٢٣٤٥٦٧٨٩٠١٢.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil",
        "123456789012.dkr.ecr.eu-west-1.amazonaws-com.example",
        "123456789012.dkr.ecr.eu-west-1xamazonaws.com",
        "123456789012xdkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
        "123456789012.dkr.ecr.EU-WEST-1.amazonaws.com",
        "123456789012.dkr.ecr..amazonaws.com",
        "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.on.aws",
        "123456789012.dkr-ecr.eu-west-1.on.aws.evil.example",
        "123456789012.dkr-ecr.eu-west-1.on.awsx",
        "123456789012.dkr-ecr.cn-north-1.on.aws",
        "public.ecr.aws",
        "api.ecr.eu-west-1.amazonaws.com",
        "",
    ],
)
def test_what_looks_like_one_is_none(host: str) -> None:
    assert ecr_registry(host) is None


@given(before=st.text(max_size=12), after=st.text(max_size=24))
@example(before="", after="\n")
@example(before="evil.example/", after="")
def test_nothing_may_stand_before_it_or_behind(before: str, after: str) -> None:
    found = ecr_registry(f"{before}{HOST}{after}")
    assert (found is not None) == (before == after == "")


@given(st.text(alphabet="0129.-abckdresuw", max_size=40), st.sampled_from([*SUFFIXES, ".evil.example"]))
def test_what_is_found_gives_the_host_again(name: str, suffix: str) -> None:
    """Nothing of a host is passed over: it follows from what was found in it."""
    host = f"123456789012.{name}{suffix}"
    found = ecr_registry(host)
    if found is not None:
        fips = "-fips" if found.fips else ""
        service = f"dkr-ecr{fips}" if found.dual_stack else f"dkr.ecr{fips}"
        assert host == f"{found.account}.{service}.{found.region}{suffix}"
        assert suffix in SUFFIXES


def test_only_a_host_of_ecr_has_a_token_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[EcrRegistry] = []

    def token(_: ecr.EcrTokens, registry: EcrRegistry) -> str:
        asked.append(registry)
        return "QVdTOmEtdG9rZW4="

    monkeypatch.setattr(ecr.EcrTokens, "token", token)
    assert credentials_for(f"{HOST}.evil.example", tmp_path) is None
    assert credentials_for("registry.example.com", tmp_path) is None
    assert asked == []
    assert credentials_for(HOST, tmp_path) == Credentials("AWS", "a-token")
    assert asked == [REGISTRY]


def test_who_has_logged_in_is_not_asked_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecr.EcrTokens, "token", None)
    (tmp_path / "config.json").write_text(f'{{"auths": {{"{HOST}": {{"auth": "QVdTOnN0YXRpYw=="}}}}}}')
    assert credentials_for(HOST, tmp_path) == Credentials("AWS", "static")


def test_a_token_that_is_none_is_refused_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecr.EcrTokens, "token", lambda *_: "hunter2%")
    with pytest.raises(RegistryRefused, match=f"the token of {HOST} is not base64") as refused:
        credentials_for(HOST, tmp_path)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None
