"""A job's log: everything it prints, warnings included; an error of the user's as one clear message."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import UserError


@contextmanager
def to(path: str) -> Iterator[None]:
    """Send standard output, standard error and `logging` to ``path`` while the block runs.

    A `UserError` ends the process with status 1 and its message alone, any other exception with its traceback.
    """
    with open(path, "w", encoding="utf-8", buffering=1) as stream:
        before = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = stream
        handler = logging.StreamHandler(stream)
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=[handler]
        )
        logging.captureWarnings(True)
        try:
            yield
        except UserError as error:
            print(f"error: {error}")
            sys.stdout, sys.stderr = before
            raise SystemExit(1) from None
        except BaseException:
            logging.exception("failed")
            sys.stdout, sys.stderr = before
            raise
        finally:
            sys.stdout, sys.stderr = before
