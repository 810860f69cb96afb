"""The log of a job: its output and warnings, a `UserError` as one line, and TensorBoard curves."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bertfit.core import checksums
from bertfit.core.errors import UserError
from bertfit.runtime import progress
from bertfit.runtime.tensorboard import Handler


@contextmanager
def to(path: str, inputs: Iterable[str | Path] = ()) -> Iterator[None]:
    """Send standard output, standard error and `logging` to ``path`` while the block runs.

    First verifies the digests of those ``inputs`` that are results of the study (`checksums.check`); the user may
    change other files. Records with ``scalars`` also go to TensorBoard event files in the folder of the log's name.
    A `UserError` ends the process with status 1 and its message alone, Ctrl-C with status 130, any other exception with
    its traceback.
    """
    with open(path, "w", encoding="utf-8", buffering=1) as stream:
        before = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = stream
        root = logging.getLogger()
        level, handlers = root.level, [logging.StreamHandler(stream), Handler(Path(path).with_suffix(""))]
        handlers[0].setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
        root.setLevel(logging.INFO)
        for handler in handlers:
            root.addHandler(handler)
        logging.captureWarnings(True)
        try:
            checksums.check(_results(path, inputs), os.fstat(stream.fileno()).st_mtime)  # the file server's clock
            with progress.steps_beside(Path(path)):
                yield
        except UserError as error:
            sys.stdout, sys.stderr = before
            try:
                print(f"error: {error}", file=stream)
            except OSError:  # the log's disk is full, too
                print(f"error: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            sys.stdout, sys.stderr = before
            print("interrupted", file=stream)
            raise SystemExit(130) from None
        except BaseException:
            logging.exception("failed")
            sys.stdout, sys.stderr = before
            raise
        finally:
            root.setLevel(level)
            for handler in handlers:
                root.removeHandler(handler)
                handler.close()
            sys.stdout, sys.stderr = before


def _results(log: str, inputs: Iterable[str | Path]) -> list[str | Path]:
    """The ``inputs`` below the folder whose ``logs/`` holds ``log``; all of them if there is none."""
    study = next((folder.parent for folder in Path(log).parents if folder.name == "logs"), None)
    return [path for path in inputs if study is None or Path(path).is_relative_to(study)]
