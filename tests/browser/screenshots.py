"""Pictures of a report, for a README: ``python tests/browser/screenshots.py results/miniature/report.html docs``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from chromium import browser, look
from selenium.webdriver import Chrome


def pictures(report: Path, out: Path) -> list[Path]:
    """Write ``report.png``, the verdicts and what follows, and ``report-run.png``, one run opened."""
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as driver:
        first = shoot(driver, report, out / "report.png", height=1000)
        run = driver.find_element("css selector", "#run-table tbody a").get_attribute("href") or ""
        opened = shoot(driver, report, out / "report-run.png", at=run.partition("#")[2], height=1000)
    return [first, opened]


def shoot(
    driver: Chrome, report: Path, out: Path, *, at: str = "", width: int = 1280, height: int = 900, dark: bool = False
) -> Path:
    """One picture of what a window of this size shows at the address ``at`` of the page."""
    look(driver, width=width, height=height, dark=dark)
    driver.get("about:blank")
    driver.get(f"{report.resolve().as_uri()}#{at}")
    driver.save_screenshot(str(out))
    return out


if __name__ == "__main__":
    print(*pictures(Path(sys.argv[1]), Path(sys.argv[2])), sep="\n")
