"""The page of an export before any browser: what it says, that it is text, and where the boxes of a chain stand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_cli.export_page.chain import BOX_HEIGHT, BOX_WIDTH, Box, draw
from tradeplane_cli.export_page.page import page
from tradeplane_cli.export_page.wording import builder_name, plain_words, short, visible
from tradeplane_evidence import errors
from tradeplane_evidence.export.exported_ledger import ExportedLedger
from tradeplane_evidence.export.ledger_records import approvals_of, with_ledger
from tradeplane_evidence.export.published_keys import keyring_bytes, published
from tradeplane_evidence.export.published_trust import PublishedIdentity
from tradeplane_evidence.export.records import Dependency, ReplayFile, signed_of
from tradeplane_evidence.export.signatory import Signatory
from tradeplane_evidence.signing.keyring import Keyring, read_keyring
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.run import AskingStrategy
from tradeplane_evidence.statements.test_result import result_of_tests
from tradeplane_evidence.verification.attestations import REFUSALS
from tradeplane_evidence.verification.bundles import verify_bundle
from tradeplane_evidence.verification.checks import Check
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.replays import ReplayClaim

from tests.unit.evidence import sample_exports, sample_replays, sample_runs
from tests.unit.evidence.sample_events import KUBECTL
from tests.unit.evidence.sample_ledgers import applied, approved, copied, finished, started

if TYPE_CHECKING:
    from tradeplane_evidence.export.records import Record
    from tradeplane_evidence.signing.file_signer import FileSigner


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return sample_runs.signer_in(tmp_path_factory.mktemp("key"))


class _Read(HTMLParser):
    """The elements, attributes and text of a page, as a parser of HTML sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "header",
        "footer",
        "main",
        "section",
        "article",
        "div",
    ),
    *("p", "span", "strong", "br", "a", "code", "pre", "ul", "li", "h1", "h2", "h3", "table", "thead", "tbody", "tr"),
    *("th", "td", "svg", "g", "rect", "path", "text"),
}


def test_texts_of_others_stay_text(signer: FileSigner) -> None:
    read = _Read(page(sample_exports.everything(signer)).decode())
    assert read.elements <= ELEMENTS
    assert {name for name, _ in read.attributes if name.startswith("on") or name in {"src", "style", "srcset"}} == set()
    links = [value for name, value in read.attributes if name == "href"]
    assert all(
        re.fullmatch(
            r"#[\w-]+|data:,|(runs|trust)\.json|ledger\.jsonl|(keys|runs|heads|approvals|trusted-roots)/[\w./-]+", link
        )
        for link in links
    ), links
    assert "<script>fetch" in read.words
    assert "{{ 7 * 7 }}" in read.words


def test_somebody_who_is_relied_on_by_name_is_told_with_root_and_links(signer: FileSigner) -> None:
    who = Signatory(None, "ci@example.com", "https://id.example.com", "trusted-roots/1.json")
    run = sample_exports.verified(signer)
    assert run.signed is not None
    run = replace(run, signed=replace(run.signed, who=who))
    trusted = PublishedIdentity("ci@example.com", "https://id.example.com", "trusted-roots/1.json", None, ("runs",))
    other = replace(trusted, root="trusted-roots/2.json", links=("images", "snapshots"))
    export = replace(sample_exports.export(signer, run), identities=(trusted, other), differ=True)
    text = page(export).decode()
    first, second = text.split("<h2>Who is relied on</h2>")[1].split("<h2>How to")[0].split("trusted-roots/2.json</a>")
    assert "1 runs" in first
    assert "0 runs" in second
    assert "images, snapshots" in second
    assert "signed by ci@example.com" in text
    assert "ci@example.com <span" in text
    assert text.count('href="trust.json"') == 1


def test_what_is_not_seen_is_written_out(signer: FileSigner) -> None:
    text = page(sample_exports.everything(signer)).decode()
    assert {character for character in text if not character.isprintable()} == {"\n"}
    assert "\\u202egnp.exe\\u0000" in text


def test_a_page_of_hostile_texts_has_a_limit(signer: FileSigner) -> None:
    assert len(page(sample_exports.everything(signer))) < 500_000


def test_nothing_is_allowed_but_the_style(signer: FileSigner) -> None:
    text = page(sample_exports.export(signer)).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    directives = dict(part.strip().split(" ", 1) for part in policy.replace("&#39;", "'").split(";"))
    assert directives.pop("style-src").startswith("'sha256-")
    assert directives == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "http://" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_the_same_export_is_the_same_page(signer: FileSigner) -> None:
    first, second = (page(sample_exports.everything(signer)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("said", ["approvals", "ledger"])
def test_what_was_not_exported_is_said(signer: FileSigner, said: str) -> None:
    text = page(sample_exports.export(signer)).decode()
    (words,) = re.findall(rf'id="{said}">([^<]*)<', text)
    assert words.startswith(("None were exported", "None was exported"))
    assert sample_exports.export(signer).as_json()[said] is None


def test_who_is_authenticated_is_told_from_who_claims_to_be(signer: FileSigner) -> None:
    ledger = copied([applied(), applied(actor=KUBECTL), approved(), started(), finished()])
    records = with_ledger([sample_exports.verified(signer)], ledger, sample_runs.keyring(signer))
    told = ExportedLedger(ledger.sequence, ledger.hash, ())
    export = replace(sample_exports.export(signer, *records), ledger=told, approvals=approvals_of(records))
    words = _Read(page(export).decode()).words
    assert "by alice@example.com , authenticated by the API server entry 1" in words
    assert "by somebody who claimed to be “kubectl-client-side-apply”; nobody vouches for it entry 2" in words
    assert (
        "Approval of bob@example.com , recorded of somebody who claimed to be “tradeplane-operator”"
        in words.replace("bob@example.com, ", "bob@example.com , ")
    )
    assert "What was signed is not in the ledger" in words
    assert "No signed head was given" in words
    assert export.passed


def test_a_ledger_without_approvals_and_one_that_was_changed_are_said(signer: FileSigner) -> None:
    whole = replace(sample_exports.export(signer, sample_exports.verified(signer)), ledger=ExportedLedger(1, "h", ()))
    assert "The ledger has none of what these runs ran by" in _Read(page(whole).decode()).words
    broken = replace(whole, ledger=ExportedLedger(0, "", (), (7, "entry 7 was changed")))
    words = _Read(page(broken).decode()).words
    assert "The audit ledger is not as it was appended. entry 7 was changed" in words
    assert "from entry 7 on" in words


def _started_by(signer: FileSigner, *users: str) -> Record:
    """Return the sample run, as it was signed that users had approved it."""
    record = sample_exports.verified(signer)
    assert record.signed is not None
    named = tuple(Dependency("approval", f"approval/{user}", None, approved().attestation) for user in users)
    signed = replace(record.signed, dependencies=(*record.signed.dependencies, *named))
    return replace(record, signed=signed)


def test_who_let_a_run_start_is_told_by_what_was_signed_with_it_where_there_is_no_ledger(signer: FileSigner) -> None:
    words = _Read(page(sample_exports.export(signer, _started_by(signer, "eve@example.com"))).decode()).words
    assert f"By eve@example.com what was signed: {approved().attestation}" in words
    assert "Whom the runs themselves name stands above" in words
    assert (
        "Approval: by eve@example.com, sha256:"
        in page(sample_exports.export(signer, _started_by(signer, "eve@example.com"))).decode()
    )
    words = _Read(page(sample_exports.export(signer, _started_by(signer))).decode()).words
    assert "each let its run be started" not in words
    assert "The runs name none by which they were started" in words


def test_an_approval_that_let_a_run_start_is_told_from_one_beside_it(signer: FileSigner) -> None:
    other = approved(note="eve@example.com", attestation="sha256:" + "00" * 32)
    ledger = copied([applied(), approved(), other, started(), finished()])

    def told(record: Record) -> str:
        records = with_ledger([record], ledger, sample_runs.keyring(signer))
        whole = replace(sample_exports.export(signer, *records), ledger=ExportedLedger(5, ledger.hash, ()))
        return _Read(page(replace(whole, approvals=approvals_of(records))).decode()).words

    words = told(_started_by(signer, "bob@example.com"))
    assert words.count("the run was started by it, as was signed with it") == 1
    assert words.count("not among those that were signed with the run") == 1
    words = told(_started_by(signer))
    assert "as was signed with it" not in words
    assert "not among those" not in words


def test_a_run_that_was_signed_to_have_run_by_something_else_is_told(signer: FileSigner) -> None:
    record, ledger = sample_exports.verified(signer), copied([applied(), started(), finished()])
    assert record.signed is not None
    for stated, words in (("sha256:" + "00" * 32, 1), (applied().configuration, 0)):
        strategy = AskingStrategy(namespace="trading", name="sp500-macd", generation=3, configuration=stated)
        asked = replace(record, signed=replace(record.signed, strategy=strategy))
        records = with_ledger([asked], ledger, sample_runs.keyring(signer))
        whole = replace(sample_exports.export(signer, *records), ledger=ExportedLedger(3, ledger.hash, ()))
        assert _Read(page(whole).decode()).words.count(f"another than was signed: {stated}") == words


def test_a_run_of_which_the_ledger_says_otherwise_is_told(signer: FileSigner) -> None:
    ledger = copied([applied(), started(), finished(result="sha256:" + "00" * 32)])
    records = with_ledger([sample_exports.verified(signer)], ledger, sample_runs.keyring(signer))
    export = replace(sample_exports.export(signer, *records), ledger=ExportedLedger(3, ledger.hash, ()))
    assert "The audit ledger says otherwise of 1 run" in _Read(page(export).decode()).words


def test_what_replays_found_is_told(signer: FileSigner) -> None:
    found = result_of_tests(sample_replays.statement())
    claim = ReplayClaim(
        "sha256:" + "ab" * 32, signer.public_key.fingerprint, "key k", found, None, True, None, None, b"{}"
    )
    record = replace(sample_exports.verified(signer), replays=(ReplayFile(claim, "runs/x/replays/001.sigstore.json"),))
    assert "PASSED on amd64, arm64 (by key k)" in _Read(page(sample_exports.export(signer, record)).decode()).words


def test_the_verdict_is_that_of_the_runs(signer: FileSigner) -> None:
    good, bad = sample_exports.verified(signer), sample_exports.refused(signer)
    whole = sample_exports.export(signer, good)
    missing = replace(whole, from_cluster=True, unattested=(sample_exports.everything(signer).unattested[0],))
    said = {
        "All 1 runs are verified": (whole, True),
        "No run was found": (sample_exports.export(signer), True),
        "1 of 2 runs was refused": (sample_exports.export(signer, bad, good), False),
        "0 of 1 runs were refused, and 1 that succeeded has no attestation": (missing, False),
    }
    for words, (export, passed) in said.items():
        assert words in _Read(page(export).decode()).words
        assert export.passed is passed


def test_figures_stand_with_verified_runs_alone(signer: FileSigner) -> None:
    assert "-7.17%" in page(sample_exports.export(signer, sample_exports.verified(signer))).decode()
    assert "-7.17%" not in page(sample_exports.export(signer, sample_exports.refused(signer))).decode()


@pytest.mark.parametrize("figure", ["abc", "", "1e999999", "NaN", "-Infinity", "sNaN", "9" * 5_000])
def test_a_figure_that_is_no_number_is_shown_and_stops_nothing(signer: FileSigner, figure: str) -> None:
    """A trusted key signs what a tenant's program wrote."""
    summary = sample_runs.results().summary.model_copy(update={"total_return": figure, "sharpe": figure})
    record = replace(sample_exports.verified(signer), summary=summary)
    assert len(page(sample_exports.export(signer, record))) < 60_000


def test_runs_json_says_what_the_page_says(signer: FileSigner) -> None:
    value = json.loads(json.dumps(sample_exports.everything(signer).as_json()))
    assert [run["verified"] for run in value["runs"]] == [False, False, True]
    assert value["runs"][1]["checks"][-1]["error"] == "KeyRefused"
    assert value["runs"][2]["signed"]["finishedOn"] == sample_runs.EXECUTION.finished
    assert value["runs"][2]["signed"]["run"] == sample_runs.RUN
    assert value["runs"][2]["summary"]["totalReturn"] == "-0.071748229"
    assert value["unattested"][0]["run"] == sample_exports.HOSTILE
    assert value["period"] == {"from": "2026-01-01", "to": "2026-03-31", "timeZone": "UTC"}


def test_a_key_that_is_given_twice_is_told_with_its_limits(signer: FileSigner) -> None:
    key = sample_runs.keyring(signer).keys[0]
    bound = replace(key, revoked_from=sample_exports.NOW, builders=frozenset({"b", "a"}), not_before=sample_exports.NOW)
    ring = Keyring((bound, key))
    assert [one.revoked_from for one in published(ring)].count("2026-04-01T00:00:00Z") == 1
    read = read_keyring(keyring_bytes(ring)).keys
    assert len(read) == 2
    assert all(one in read for one in (key, bound))
    assert keyring_bytes(ring) == keyring_bytes(Keyring((key, bound)))


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://tradeplane.dev/evidence/builders/operator-v1/backtest/awskms", "operator-v1/backtest/awskms"),
        ("https://tradeplane.dev/evidence/builders/local-v1", "local-v1"),
        ("https://ci.example.com/teams/blue", "blue"),
        ("https://ci.example.com/builders/", "builders"),
        ("", ""),
    ],
)
def test_a_builder_is_named_by_what_tells_it_from_others(uri: str, name: str) -> None:
    assert builder_name(uri) == name


# The words of a refusal.


@pytest.mark.parametrize("error", [*(one.__name__ for one in REFUSALS), "RegistryRefused", "ResultsChanged"])
def test_each_refusal_has_words_of_its_own(error: str) -> None:
    assert issubclass(getattr(errors, error), errors.EvidenceError)
    assert plain_words(Check("attestation", "", error)) != plain_words(Check("attestation", "", "another"))


def test_a_changed_file_is_told_from_a_policy_that_is_not_met() -> None:
    words = {plain_words(Check(step, "", "PolicyRefused")) for step in ("attestation", "files", "result")}
    assert len(words) == 3


@given(st.text(max_size=60), st.integers(1, 40))
def test_all_of_a_shown_text_is_seen(text: str, most: int) -> None:
    shown = visible(text, most)
    assert shown.isprintable()
    assert len(shown) <= 10 * most
    assert visible(shown, 10_000) == shown


@given(st.characters().filter(str.isprintable))
def test_what_is_seen_is_left_alone(character: str) -> None:
    assert visible(character) == character


def test_a_digest_is_cut_and_other_text_is_not() -> None:
    assert short("sha256:" + "ab" * 32) == "sha256:abababababab\u2026"
    assert short("sha256:ab") == "sha256:ab"
    assert short(None) == "\u2014"


# The picture.


def overlap(one: Box, other: Box) -> bool:
    return abs(one.x - other.x) < BOX_WIDTH and abs(one.y - other.y) < BOX_HEIGHT


def chained(record: Record, kinds: list[str]) -> Record:
    known = record.signed
    assert known is not None
    many = tuple(
        Dependency(kind, f"{kind}/{number}", None, f"sha256:{number:064}") for number, kind in enumerate(kinds)
    )
    return replace(record, signed=replace(known, dependencies=many))


@given(kinds=st.lists(st.sampled_from(["image", "manifest", "snapshot", "part", "source", "other"]), max_size=60))
def test_no_box_of_a_chain_covers_another_or_leaves_the_picture(signer: FileSigner, kinds: list[str]) -> None:
    drawing = draw(chained(sample_exports.verified(signer), kinds))
    boxes = drawing.boxes
    assert all(0 <= box.x <= drawing.width - BOX_WIDTH and 0 <= box.y <= drawing.height - BOX_HEIGHT for box in boxes)
    assert not any(overlap(one, other) for index, one in enumerate(boxes) for other in boxes[index + 1 :])
    assert len(drawing.arrows) == len(boxes) - 1  # each box but the first is led to once
    assert len(boxes) <= 2 + 8 + 8 * 4


def test_the_chain_leads_from_the_result_to_the_source(signer: FileSigner) -> None:
    drawing = draw(sample_exports.verified(signer))
    assert [(box.kind, box.title, box.tone) for box in drawing.boxes] == [
        ("Result", "Verified", "good"),
        ("Statement of the run", "by operator-v1", "good"),
        ("Image", "workloads", "plain"),
        ("Source of the image", "No attestation of it", "absent"),
        ("Data", "Snapshot", "plain"),
        ("Source", "sp500.csv.gz", "plain"),
    ]
    result, statement, image, source, data, _ = drawing.boxes
    assert result.x < statement.x < image.x == data.x < source.x
    assert "Data: Snapshot" in drawing.said


def test_an_attestation_of_the_image_that_is_named_is_drawn(signer: FileSigner) -> None:
    record = chained(sample_exports.verified(signer), ["image"])
    assert record.signed is not None
    image = replace(record.signed.dependencies[0], attestation="sha256:" + "ef" * 32)
    drawing = draw(replace(record, signed=replace(record.signed, dependencies=(image,))))
    assert [(box.kind, box.line, box.tone) for box in drawing.boxes[3:]] == [
        ("Attestation of the image", "sha256:efefefefefef\u2026", "plain")
    ]


def test_the_manifest_that_was_run_stands_behind_its_image(signer: FileSigner) -> None:
    bundle = sign_statement(sample_runs.statement(sample_runs.ATTESTED_IMAGE), signer)
    digest, keyring = sample_runs.artifact().digest, sample_runs.keyring(signer)
    stated = signed_of(verify_bundle(bundle, digest, keyring, Policy(), sample_exports.NOW), digest, bundle)
    drawing = draw(replace(sample_exports.verified(signer), signed=stated))
    assert [(box.kind, box.title, box.line) for box in drawing.boxes[3:5]] == [
        ("Attestation of the image", "Named, and not followed", "sha256:a0a0a0a0a0a0\u2026"),
        ("Image that was run", "linux/amd64", "sha256:cdcdcdcdcdcd\u2026"),
    ]
    image, attestation, manifest = drawing.boxes[2:5]
    assert image.x < attestation.x == manifest.x


def test_an_attestation_that_was_followed_leads_to_the_commit(signer: FileSigner) -> None:
    record = chained(sample_exports.verified(signer), ["image"])
    assert record.signed is not None
    followed = sample_exports.attested_image(signer)
    image = replace(record.signed.dependencies[0], attestation=followed.attestation)
    drawing = draw(replace(record, signed=replace(record.signed, dependencies=(image,)), image=followed))
    assert [(box.title, box.line, box.tone) for box in drawing.boxes[3:]] == [
        ("by images-local-v1", "commit c0c0c0c0c0c0c0c0", "good")
    ]
    other = replace(followed, attestation="sha256:" + "00" * 32)
    drawing = draw(replace(record, signed=replace(record.signed, dependencies=(image,)), image=other))
    assert [box.tone for box in drawing.boxes[3:]] == ["plain"], "what was followed is not what the statement names"


def test_an_attestation_of_the_data_is_drawn_and_says_where_these_came_from_once_followed(signer: FileSigner) -> None:
    attestation = f"sha256:{'d0' * 32}"
    record = chained(sample_exports.verified(signer), ["snapshot"])
    assert record.signed is not None
    data = replace(record.signed.dependencies[0], attestation=attestation)
    record = replace(record, signed=replace(record.signed, dependencies=(data,)))
    assert [(box.kind, box.title, box.line, box.tone) for box in draw(record).boxes[3:]] == [
        ("Attestation of the data", "Named, and not followed", "sha256:d0d0d0d0d0d0\u2026", "plain")
    ]
    followed = sample_exports.attested_data(signer, attestation)
    (box,) = draw(replace(record, snapshots=(followed,))).boxes[3:]
    assert (box.title, box.line, box.tone) == ("by local-v1", "imported from sp500.csv.gz", "good")
    other = sample_exports.attested_data(signer, f"sha256:{'00' * 32}")
    (box,) = draw(replace(record, snapshots=(other,))).boxes[3:]
    assert box.tone == "plain", "what was followed is not what the statement names"


def test_a_source_stands_behind_the_snapshot_that_was_made_from_it(signer: FileSigner) -> None:
    drawing = draw(
        chained(sample_exports.verified(signer), ["snapshot", "part", "source", "snapshot", "part", "source"])
    )
    rows = [(box.title, box.y) for box in drawing.boxes[2:]]
    assert [title for title, _ in rows] == ["Snapshot", "2", "Snapshot", "5"]
    assert rows[0][1] == rows[1][1] != rows[2][1] == rows[3][1]


def test_of_a_run_that_nobody_signed_nothing_is_drawn_but_that(signer: FileSigner) -> None:
    drawing = draw(sample_exports.refused(signer))
    assert [(box.title, box.tone) for box in drawing.boxes] == [("Refused", "bad"), ("None by a trusted key", "absent")]


def test_what_there_is_no_room_for_is_counted(signer: FileSigner) -> None:
    drawing = draw(chained(sample_exports.verified(signer), ["snapshot"] * 30))
    assert [box.title for box in drawing.boxes[2:]] == ["Snapshot"] * 7 + ["and 23 more"]
