"""The report, opened by a browser: it draws, it follows the reader's theme, and it asks nobody for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from tradeplane_cli.report.page import page

from tests.integration.cli.conftest import logged, requested_urls
from tests.unit.cli.sample_results import CAPITAL, sample

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver import Chrome

LIMIT_S = 60


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(sample()), encoding="utf-8")
    return path


def opened(driver: Chrome, path: Path, theme: str = "light") -> None:
    """Open the page and wait until it says that all charts are drawn."""
    scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    for log in ("performance", "browser"):
        logged(driver, log)  # what was asked for and said before is not the page's
    driver.get(path.as_uri())
    drawn(driver, theme)


def drawn(driver: Chrome, theme: str) -> None:
    WebDriverWait(driver, LIMIT_S).until(
        lambda it: it.execute_script("return document.documentElement.dataset.drawn") == theme,
        message=f"the charts to be drawn in the {theme} theme",
    )


def plotted(driver: Chrome, chart: str) -> list[dict[str, Any]]:
    """Name, first and last value and number of points of each trace, as Plotly holds them."""
    script = """
      return document.getElementById(arguments[0])._fullData.map((trace) => ({
        name: trace.name, count: trace._length, first: trace.y[0], last: trace.y[trace._length - 1]
      }));
    """
    return list(driver.execute_script(script, chart))


def test_every_chart_is_drawn_with_the_values_of_the_result(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    for chart in ("equity", "price"):
        lines = browser.find_elements(By.CSS_SELECTOR, f"#{chart} svg .scatterlayer path.js-line")
        assert len(lines) >= 2
        assert all(line.get_attribute("d") for line in lines)
    cells = browser.find_elements(By.CSS_SELECTOR, "#monthly svg .heatmap-label text, #monthly svg g.heatmap-label")
    assert len(cells) >= 33
    markers = browser.find_elements(By.CSS_SELECTOR, "#price svg .scatterlayer .points path.point")
    contents = sample()
    assert len(markers) == contents.instruments[0][1].time.size
    (equity, drawdown) = plotted(browser, "equity")
    assert equity["first"] == pytest.approx(float(CAPITAL))
    assert equity["last"] == pytest.approx(float(contents.equity.value[-1]))
    assert drawdown["first"] == 0
    assert browser.find_element(By.ID, "result-digest").text == contents.manifest.result_digest


def test_nothing_is_requested_and_the_console_is_silent(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    asked = [url for url in requested_urls(browser) if not url.startswith("data:")]
    assert asked == [report.as_uri()]
    assert logged(browser, "browser") == []


def test_a_request_would_have_been_blocked(browser: Chrome, report: Path) -> None:
    """The policy is in force: the test above would notice, and the browser refuses."""
    opened(browser, report)
    outcome = browser.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('sent'), (e) => done(e.message));"
    )
    assert outcome != "sent"
    assert any("Content Security Policy" in entry["message"] for entry in logged(browser, "browser"))


def test_no_button_sends_a_figure_anywhere(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    titles = {button.get_attribute("data-title") for button in browser.find_elements(By.CSS_SELECTOR, ".modebar-btn")}
    assert titles == {"Zoom", "Pan", "Reset axes", "Download plot as a PNG"}


def test_text_from_a_result_is_shown_and_not_run(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    assert "<script>alert(1)</script>" in browser.find_element(By.TAG_NAME, "main").text


def test_the_page_has_a_title_a_language_and_named_charts(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    assert browser.title == "macd-sp500-1a2b3c4d5e: macd-momentum"
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    names = [chart.accessible_name for chart in browser.find_elements(By.CSS_SELECTOR, "[role=img]")]
    assert names == ["Equity and drawdown", "Trades on the price", "Monthly returns"]


def test_another_instrument_can_be_chosen(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    before = plotted(browser, "price")[0]["last"]
    Select(browser.find_element(By.ID, "instrument")).select_by_visible_text("NDX")
    WebDriverWait(browser, LIMIT_S).until(
        lambda it: plotted(it, "price")[0]["last"] != before, message="the other instrument's price"
    )
    closes = sample().instruments[1][0].closes
    assert closes is not None
    assert plotted(browser, "price")[0]["last"] == pytest.approx(float(closes.value[-1]))


@pytest.mark.parametrize(("theme", "other"), [("light", "dark"), ("dark", "light")])
def test_text_stands_out_in_both_themes(browser: Chrome, report: Path, theme: str, other: str) -> None:
    opened(browser, report, theme)
    assert contrast(browser) >= 4.5
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": other}]}
    )
    drawn(browser, other)
    assert contrast(browser) >= 4.5


def contrast(driver: Chrome) -> float:
    """Smallest contrast ratio (WCAG 2) of texts on their panel: of the page, of a card's label and of an axis."""
    script = """
      const panel = getComputedStyle(document.querySelector(".panel")).backgroundColor;
      const texts = [".panel h2", ".card .label", ".card .good", "#equity svg .ytick text", "#equity svg .ytitle"];
      const colours = texts.map((place) => { const style = getComputedStyle(document.querySelector(place));
                                           return place.startsWith("#") ? style.fill : style.color; });
      return [panel, ...colours];
    """
    panel, *texts = (_luminance(colour) for colour in driver.execute_script(script))
    return min((max(panel, text) + 0.05) / (min(panel, text) + 0.05) for text in texts)


def _luminance(colour: str) -> float:
    channels = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
