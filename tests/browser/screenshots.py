"""Pictures of a report, for a README: ``python tests/browser/screenshots.py results/miniature/report.html docs``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from chromium import browser, look
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait


def pictures(report: Path, out: Path) -> list[Path]:
    """Write ``report.png``, the verdicts and what follows, and ``report-run.png``, one run opened."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as driver:
        first = shoot(driver, report, out / "report.png", height=1000)
        run = driver.find_element("css selector", "#run-table tbody a").get_attribute("href") or ""
        opened = shoot(
            driver, report, out / "report-run.png", at=run.partition("#")[2], height=1000, shown="dialog[open]"
        )
    return [first, opened]


def shoot(
    driver: Chrome,
    report: Path,
    out: Path,
    *,
    at: str = "",
    shown: str = "body",
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
) -> Path:
    """One picture of what a window of this size shows at the address ``at`` of the page, once ``shown`` is there."""
    look(driver, width=width, height=height, dark=dark)
    driver.get("about:blank")
    driver.get(f"{report.resolve().as_uri()}#{at}")
    WebDriverWait(driver, 10).until(lambda found: found.find_element("css selector", shown).is_displayed())
    if not driver.save_screenshot(str(out)):
        raise OSError(f"{out}: not written")
    return out


if __name__ == "__main__":
    print(*pictures(Path(sys.argv[1]), Path(sys.argv[2])), sep="\n")
