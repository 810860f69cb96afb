"""Which files of a results folder have changed since they were written, or are from the future: FOLDER [--repair].

After a power cut, a failing disk, an interrupted copy or a clock set back. With --repair the changed ones are deleted
(with all of a folder that one job makes), and the others get the present time; the same snakemake command as before
then makes the results whole. The exit status is 1 where something is wrong and not repaired.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from bertfit.core import checksums, files

MADE = ".snakemake_timestamp"  # Snakemake's, in a folder that is an output: it looks no deeper

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of a study, such as results/miniature")
    parser.add_argument("--repair", action="store_true")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder}: no such folder")
    changed = list(checksums.find(given.folder, checksums.changed))
    for path in changed:
        print(f"changed: {path}")
        if given.repair:
            files.remove(next((one for one in path.parents if (one / MADE).exists()), path))
    ahead = list(checksums.find(given.folder, lambda path: checksums.seconds_ahead(path) > 0))
    now = time.time()  # one for all: no file is newer than another for this
    for path in ahead if given.repair else ():
        os.utime(path, (now, now))
    done = (" and are deleted", ", and have the present time now") if given.repair else ("", "")
    print(f"{len(changed)} files have changed since they were written{done[0]}")
    print(f"{len(ahead)} files are from the future{done[1]}")
    sys.exit(1 if (changed or ahead) and not given.repair else 0)
