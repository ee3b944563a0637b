"""The page of an export, opened by a browser: it shows what matters, in both themes, and asks nobody for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from tradeplane_cli.export_page.page import page

from tests.integration.cli.conftest import logged, requested_urls
from tests.unit.evidence import sample_exports, sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver import Chrome

WIDTHS = (360, 1280, 1920)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    path = folder / "index.html"
    path.write_bytes(page(sample_exports.everything(sample_runs.signer_in(folder))))
    return path


def opened(driver: Chrome, path: Path, *, theme: str = "light", width: int = 1280, media: str = "") -> None:
    features = [{"name": "prefers-color-scheme", "value": theme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for log in ("performance", "browser"):
        logged(driver, log)  # what was asked for and said before is not the page's
    driver.get(path.as_uri())


def test_the_main_texts_are_seen(browser: Chrome, exported: Path) -> None:
    opened(browser, exported)
    text = browser.find_element(By.TAG_NAME, "body").text
    for words in (
        "2026-01-01 to 2026-03-31",
        "Both days included. All times are UTC.",
        "2 of 3 runs were refused, and 1 that succeeded has no attestation",
        "It is not signed by a key that was given",
        "A file in the registry is not the one that was signed",
        "The audit ledger says otherwise of 1 run: another result than was signed",
        "500 entries, whole, in ledger.jsonl",
        "Agrees with a head of entry 5",
        "nobody vouches for it",
        "authenticated by the API server",
        "and 300 more, in runs.json",
        "cosign verify-blob-attestation --key keys/",
        "sha256sum --check --quiet SHA256SUMS",
        "Attestations of images and of data were followed where runs name them, and have to hold",
    ):
        assert words in text
    rows = browser.find_elements(By.CSS_SELECTOR, "table.runs tbody tr")
    assert [row.find_element(By.CSS_SELECTOR, ".verdict").text for row in rows] == ["Refused", "Refused", "Verified"]
    assert "-7.17%" in rows[2].text
    assert browser.title == "Evidence of runs, 2026-01-01 to 2026-03-31"
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"


def test_nothing_is_requested_and_nothing_is_run(browser: Chrome, exported: Path) -> None:
    """The names of runs in it would fetch and alert; a page that let them would say so in the console, or ask."""
    opened(browser, exported)
    assert [url for url in requested_urls(browser) if not url.startswith("data:")] == [exported.as_uri()]
    assert logged(browser, "browser") == []
    assert browser.find_elements(By.CSS_SELECTOR, "script, img, iframe, form") == []
    assert "<script>fetch('http://127.0.0.1:9/')</script>" in browser.find_element(By.TAG_NAME, "main").text


def test_a_request_or_a_script_would_have_been_refused(browser: Chrome, exported: Path) -> None:
    opened(browser, exported)
    outcome = browser.execute_async_script(
        "const done = arguments[0]; const script = document.createElement('script');"
        "script.textContent = 'document.title = \"ran\"'; document.body.append(script);"
        "fetch('http://127.0.0.1:9/').then(() => done('sent'), (e) => done(e.message));"
    )
    assert outcome != "sent"
    assert browser.title != "ran"
    said = [entry["message"] for entry in logged(browser, "browser")]
    assert any("Content Security Policy" in message and "script" in message for message in said)
    assert any("Content Security Policy" in message and "connect" in message for message in said)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_no_wider_than_the_screen(browser: Chrome, exported: Path, width: int) -> None:
    opened(browser, exported, width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_each_run_has_its_chain(browser: Chrome, exported: Path) -> None:
    opened(browser, exported)
    chains = browser.find_elements(By.CSS_SELECTOR, "article.run svg[role=img]")
    assert len(chains) == 3
    assert "Statement of the run: by operator-v1" in chains[2].accessible_name
    script = """
      return [...arguments[0].querySelectorAll(".box > svg")].map((box) => [
        Math.max(...[...box.querySelectorAll("text")].map((text) => text.getBBox().width)) <= box.width.baseVal.value,
        getComputedStyle(box).overflow,
      ]);
    """
    for chain, usual in zip(chains, (False, True, True), strict=True):  # names of the first are as wide as they can be
        fits = browser.execute_script(script, chain)
        assert len(fits) >= 2
        assert {overflow for _, overflow in fits} == {"hidden"}
        assert all(fit for fit, _ in fits) or not usual


def test_links_within_the_page_lead_somewhere(browser: Chrome, exported: Path) -> None:
    opened(browser, exported)
    script = """
      const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
      const links = [...document.querySelectorAll('a[href^="#"]')].map((one) => one.getAttribute("href").slice(1));
      return [new Set(ids).size === ids.length, links.length, links.filter((link) => !ids.includes(link))];
    """
    unique, count, lost = browser.execute_script(script)
    assert unique
    assert count >= 5
    assert lost == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_in_both_themes(browser: Chrome, exported: Path, theme: str) -> None:
    """Contrast of 4.5 and more (WCAG 2, AA), each text on the nearest ground that has a colour."""
    opened(browser, exported, theme=theme)
    script = """
      const ground = (at) => {
        for (let one = at; one; one = one.parentElement) {
          const colour = getComputedStyle(one).backgroundColor;
          if (colour !== "rgba(0, 0, 0, 0)") return colour;
        }
        return "rgb(255, 255, 255)";
      };
      const light = (colour) => {
        const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map((part) => {
          const c = part / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      const texts = ["h1", "h2", "h3", ".soft", ".explained", ".note", ".verdict.verified", ".verdict.refused", "a",
                     ".banner", ".card .bad", ".card .good", ".command", "td", "th", "li", "footer p"];
      const pairs = texts.map((text) => {
        const at = document.querySelector(text);
        return [text, ratio(light(getComputedStyle(at).color), light(ground(at)))];
      });
      for (const part of [".good", ".bad", ".plain", ".absent"])
        for (const text of [".what", ".title", ".digest"]) {
          const box = document.querySelector(`.chain ${part}`);
          if (!box) continue;
          const fill = getComputedStyle(box.querySelector("rect")).fill;
          const under = fill === "none" ? ground(box.closest("svg").parentElement) : fill;
          pairs.push([`${part} ${text}`, ratio(light(getComputedStyle(box.querySelector(text)).fill), light(under))]);
        }
      return pairs;
    """
    pairs = browser.execute_script(script)
    assert len(pairs) >= 26
    assert [pair for pair in pairs if pair[1] < 4.5] == []


def test_print_has_everything(browser: Chrome, exported: Path) -> None:
    opened(browser, exported, media="print", width=1040)  # A4 across, less its margins
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    hidden = (
        "return [...document.querySelectorAll('main *')].filter((one) => one.checkVisibility && !one.checkVisibility())"
    )
    assert [one for one in browser.execute_script(hidden) if one.tag_name != "title"] == []
