"""Which files of a results folder have changed since they were written: verify.py FOLDER [--delete].

After a power cut, a failing disk or an interrupted copy: with --delete they are removed, and the same snakemake command
as before makes them again. The exit status is 1 where there are any and they are kept.
"""

import argparse
import sys
from pathlib import Path

from bertfit import digests

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delete", action="store_true")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder}: no such folder; give that of a study, such as results/miniature")
    found = list(digests.find(given.folder))
    for path in found:
        print(path)
        if given.delete:
            path.unlink()
    print(f"{len(found)} files have changed since they were written{' and are deleted' * given.delete}")
    sys.exit(1 if found and not given.delete else 0)
