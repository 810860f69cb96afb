"""What a dry run prints."""

from __future__ import annotations

import re


def jobs(printed: str) -> dict[str, int]:
    """Rule -> number of jobs in the table that a dry run prints; empty when there is nothing to be done."""
    if "Nothing to be done" in printed:
        return {}
    table = printed[printed.index("Job stats:") :]
    found = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    return {name: count for name, count in found.items() if name not in ("all", "total")}
