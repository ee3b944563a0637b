"""Each URI of ours that stands in a statement is the address of a page of the documentation, which says what it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_evidence.ledger.heads import HEAD_TYPE
from tradeplane_evidence.statements.approval import APPROVAL_TYPE
from tradeplane_evidence.statements.batch import BATCH_BUILD_TYPE
from tradeplane_evidence.statements.image import IMAGE_BUILD_TYPE, LOCAL_IMAGE_BUILDER
from tradeplane_evidence.statements.release import LOCAL_RELEASE_BUILDER, RELEASE_BUILD_TYPE
from tradeplane_evidence.statements.run import LOCAL_BUILDER, RUN_BUILD_TYPE
from tradeplane_evidence.statements.snapshot import SNAPSHOT_BUILD_TYPE
from tradeplane_evidence.statements.verification_summary import VERIFIER
from tradeplane_evidence.verification.summaries import POLICY_URI
from tradeplane_operator.settings import OPERATOR_BUILDER, BuilderMode, Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PACKAGES = ("cli", "crds", "evidence", "operator", "stacks", "workloads")
SIGNERS = ("file:/etc/key.pem", "awskms:///alias/tradeplane", "keyless:/etc/trust-config.json")
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
KNOWN = {
    *(RUN_BUILD_TYPE, BATCH_BUILD_TYPE, SNAPSHOT_BUILD_TYPE, IMAGE_BUILD_TYPE, RELEASE_BUILD_TYPE),
    *(APPROVAL_TYPE, HEAD_TYPE, POLICY_URI),
    *(LOCAL_BUILDER, LOCAL_IMAGE_BUILDER, LOCAL_RELEASE_BUILDER, OPERATOR_BUILDER, VERIFIER),
}


def _constants() -> Iterator[str]:
    """Yield each string of the packages' code that is a URI of ours, and nothing else."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).glob("**/tradeplane_*/**/*.py")):
            source = file.read_text(encoding="utf-8")
            if SITE["site_url"] in source:
                for node in ast.walk(ast.parse(source)):
                    if isinstance(node, ast.Constant) and str(node.value).startswith(SITE["site_url"]):
                        yield str(node.value)


def _named(navigation: Any) -> Iterator[str]:
    """Yield the pages that the site's navigation has, at any depth."""
    if isinstance(navigation, str):
        yield navigation
    else:
        for one in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from _named(one)


def _fault(uri: str) -> str | None:
    """Return what is wrong with a URI of ours, or None where its page says what it is."""
    name = f"{uri.removeprefix(SITE['site_url'])}.md"
    page = ROOT / SITE["docs_dir"] / name
    if not page.is_file():
        return f"{uri}: there is no page {name}"
    if name not in _named(SITE["nav"]):
        return f"{uri}: its page is not in the site's navigation"
    return None if f"`{uri}`" in page.read_text(encoding="utf-8") else f"{uri}: its page does not say that it is"


def test_each_that_the_code_has_is_a_page_that_says_so() -> None:
    assert [fault for uri in sorted(KNOWN) if (fault := _fault(uri))] == []


def test_the_code_has_no_others() -> None:
    """A new one stands in ``KNOWN`` too, and so has its page."""
    assert set(_constants()) == KNOWN


def _builders_in(page: str) -> set[str]:
    """Return the builders of an operator that stand in the examples of a page."""
    examples = "".join(re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    return set(re.findall(rf'"({re.escape(OPERATOR_BUILDER)}[^"]*)"', examples))


def test_builders_of_examples_are_those_that_an_operator_of_today_says() -> None:
    """Builders are compared whole: what names another relies on nobody."""
    signers = [Evidence(registry="registry.example.com/runs", signer=one) for one in SIGNERS]
    said = {one.builder_of(mode) for one in signers for mode in BuilderMode}
    pages = (ROOT / SITE["docs_dir"] / "evidence").glob("*.md")
    named = {page.name: _builders_in(page.read_text(encoding="utf-8")) for page in pages}
    assert {page: found - said for page, found in named.items() if found - said} == {}
    assert "trust.md" in {page for page, found in named.items() if found}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("evidence/none-v1", "there is no page evidence/none-v1.md"),
        ("evidence/run-v1.md", "there is no page evidence/run-v1.md.md"),
        ("evidence/keys", "its page does not say that it is"),
    ],
)
def test_what_is_the_address_of_no_such_page_is_told(path: str, words: str) -> None:
    fault = _fault(SITE["site_url"] + path)
    assert fault is not None
    assert words in fault
