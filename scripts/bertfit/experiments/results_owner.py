"""Which file of the user a folder of results belongs to: two files of one name do not overwrite each other's results.

The folder of the first has the name of the file (`own_data.results_name`) and says which file that is. Another file of
the same name finds this and takes the name with a digest of its own path.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from bertfit.config.settings import Settings
from bertfit.core.files import read_json, write_json

OWNER = "dataset.json"
"""in the folder of the results of your own dataset: the path of the file"""


def named(settings: Settings, results: Path) -> Settings:
    """The settings with a digest of the file's path in their name, where results of that name are another file's.

    ``results``: the folder of the results of all studies. Other studies than that of your own dataset stay as they are.
    """
    owner = results / settings.name / OWNER
    if settings.own_file is None or not owner.is_file() or read_json(owner) == _record(settings.own_file):
        return settings
    digest = hashlib.sha256(str(settings.own_file).encode()).hexdigest()[:6]
    return replace(settings, name=f"{settings.name}-{digest}")


def remember(settings: Settings, root: str) -> None:
    """Write into ``root``, the folder of the results of the study, whose they are: only for your own dataset."""
    if settings.own_file and not Path(root, OWNER).is_file():
        write_json(Path(root, OWNER), _record(settings.own_file))


def _record(data: Path) -> dict[str, str]:
    return {"file": str(data)}
