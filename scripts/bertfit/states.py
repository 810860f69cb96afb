"""Where a training job keeps what it needs to go on after a kill.

Snakemake deletes the outputs of a job that failed, so the state lies in a folder that is no output, named by the job's
results, its code and its values: changed code or values never resume an old state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import sha256


def folder(results: Path, job: dict[str, Any]) -> Path:
    """``results/<study>/.state/<rest of the path>/<digest>`` for a job that writes into ``results/<study>/<rest>``."""
    digest = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]
    parts = results.parts
    at = parts.index("results") if "results" in parts else 0
    return Path(*parts[: at + 2], ".state", *parts[at + 2 :], digest)


def key(*values: Any, inputs: Mapping[str, Path]) -> str:
    """What a saved state belongs to: values (as JSON) and the names and content of the input files."""
    content = [values, {name: sha256(path) for name, path in inputs.items()}]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
