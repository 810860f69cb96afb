"""Damaged files, as by a power failure or a failing disk: truncated, empty or zero-filled, with old or new times."""

from __future__ import annotations

import os
import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from .copies import Copy, differences

NAMED = re.compile(r"^error: (\S+): it has changed since it was written", re.MULTILINE)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def empty(content: bytes) -> bytes:
    return b""


def zeros(content: bytes) -> bytes:
    return half(content) + bytes(len(content) - len(content) // 2)


DAMAGES = (half, empty, zeros)


def inject(undisturbed: Copy, folder: Path, keep_times: bool, seed: int) -> tuple[str, list[str]]:
    """Damage one file of every kind that the workflow writes (rule and name), then recover.

    Recovery: `scripts/verify.py --repair`, then the same command. Before it, the command runs alone, and must
    write nothing wrong, whether it detects the damage (new times) or not (times kept).
    """
    draw = random.Random(seed)
    copy = Copy.of(undisturbed, folder)
    kinds = defaultdict(list)
    for name, rule in copy.made_by().items():
        if (copy.results / name).is_file() and (copy.results / name).stat().st_size:
            kinds[rule, _kind(name)].append(name)
    damaged = sorted(draw.choice(sorted(names)) for names in kinds.values())
    shift = draw.randrange(len(DAMAGES))
    for number, name in enumerate(damaged):
        _damage(copy.results / name, DAMAGES[(number + shift) % len(DAMAGES)], keep_times)
    broken = {name: _content(copy.results / name) for name in damaged}
    expected = undisturbed.outputs()
    _, printed = copy.once()
    sound = {name: digest for name, digest in copy.outputs().items() if name not in damaged}
    wrong = [
        f"made from damaged files: {difference}"
        for difference in differences({n: expected.get(n, "") for n in sound}, sound)
    ]
    named = {name.split(f"results/{copy.study}/")[-1] for name in NAMED.findall(printed)}
    if keep_times != ("Nothing to be done" in printed):
        wrong.append(f"Snakemake {'sees' if keep_times else 'does not see'} the change")
    wrong += [f"named without need: {name}" for name in sorted(named - set(damaged))]
    still = {name for name in damaged if _content(copy.results / name) == broken[name]}
    found = copy.verify()
    wrong += [f"not found by verify.py: {name}" for name in sorted(still - set(found))]
    copy.recover()
    wrong += differences(expected, copy.outputs())
    how = f"Snakemake alone remakes {len(damaged) - len(still)}, jobs refuse {len(named)}, verify.py finds {len(found)}"
    return f"{len(damaged)} files of {len(kinds)} kinds, times {'kept' if keep_times else 'new'} ({how})", wrong


def _kind(name: str) -> str:
    """File name, or the suffix where file names vary."""
    path = Path(name)
    return path.suffix if path.parts[0] in ("tables", "figures", "scores", "documents", "instances") else path.name


def _damage(path: Path, how: Callable[[bytes], bytes], keep_times: bool) -> None:
    before = path.stat()
    with open(path, "rb+") as handle:  # in place, as a disk does: digest and other attributes stay
        content = how(handle.read())
        handle.seek(0)
        handle.write(content)
        handle.truncate()
    if keep_times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
