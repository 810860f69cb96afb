"""List files of a results folder that changed since they were written, or are from the future: FOLDER [--repair].

For use after a power cut, a failing disk, an interrupted copy or a clock that was set back. With --repair the changed
files are deleted (with the whole folder if a folder is the output of a job), and files from the future get the present
time; the same snakemake command as before then makes the missing ones. The exit status is 1 if a problem remains.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from bertfit.core import checksums, files

OUTPUT_FOLDER = ".snakemake_timestamp"  # a file that Snakemake writes into a folder that is an output

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
            files.remove(next((parent for parent in path.parents if (parent / OUTPUT_FOLDER).exists()), path))
    ahead = list(checksums.find(given.folder, lambda path: checksums.seconds_ahead(path) > 0))
    now = time.time()  # the same for all, so that none seems newer than another
    for path in ahead if given.repair else ():
        os.utime(path, (now, now))
    done = (" (deleted)", " (set to the present time)") if given.repair else ("", "")
    print(f"files changed since they were written: {len(changed)}{done[0]}")
    print(f"files from the future: {len(ahead)}{done[1]}")
    sys.exit(1 if (changed or ahead) and not given.repair else 0)
