"""Full disk: a results folder on a small disk, which is enlarged afterwards."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from .copies import Copy, differences

SHARES = (0.2, 0.6)  # of what the results need
FULL = re.compile(r"No space left on device", re.IGNORECASE)


def inject(undisturbed: Copy, folder: Path) -> tuple[str, list[str]]:
    """Run on a tmpfs that is too small for the results, twice, then on one that is large enough."""
    if os.geteuid():
        return "skipped: mounting a small disk needs root", []
    copy = Copy(folder, undisturbed.study)
    disk = copy.folder / "results"
    disk.mkdir()
    needed = sum(path.stat().st_blocks * 512 for path in undisturbed.results.rglob("*") if path.is_file())
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={int(needed * SHARES[0])}", "none", disk]).returncode:
        return "skipped: no tmpfs can be mounted here", []
    wrong, stopped, reported = [], 0, 0
    try:
        for share in SHARES:
            subprocess.run(["mount", "-o", f"remount,size={int(needed * share)}", disk], check=True)
            status, printed = copy.once()
            stopped += status != 0
            reported += len(FULL.findall(printed))
            made = copy.outputs()
            wrong += differences({name: digest for name, digest in undisturbed.outputs().items() if name in made}, made)
        subprocess.run(["mount", "-o", f"remount,size={4 * needed + 2**28}", disk], check=True)
        copy.recover()
        wrong += differences(undisturbed.outputs(), copy.outputs())
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    if stopped != len(SHARES) or not reported:
        wrong.append(f"a full disk stopped {stopped} runs of {len(SHARES)}, and was reported {reported} times")
    return f"{len(SHARES)} disks of {', '.join(f'{share:.0%}' for share in SHARES)} of the results", wrong
