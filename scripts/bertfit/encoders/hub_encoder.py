"""Encoders of the Hugging Face hub before their weights are read: the commit, and what config.json declares.

An id without a revision stands for the commit that the main branch had when a program last fetched the model into the
cache of this machine (``HF_HOME``), which this one does only where it is not there; `run.json` names the commit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bertfit.core import hub_download
from bertfit.core.errors import UserError
from bertfit.encoders import encoder_folder

HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


def completed(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A declaration with ``hub``, and with ``revision``, ``layers``, ``family`` and ``title`` where they are missing.

    Raises `UserError` where config.json cannot be read, is of no family that is known, or names no layers.
    """
    if declared.get("revision") and declared.get("layers"):
        return dict(declared)
    hub = str(declared["hub"])
    if not HUB_ID.fullmatch(hub):
        raise UserError(f"hub={hub}: not the id of a model; it has the form OWNER/NAME")
    where = f"hub model {hub}"
    cure = f"on a machine with internet `hf download {hub} --local-dir FOLDER` fetches it; give that folder instead"
    with hub_download.explain_errors(where, cure):
        path = hub_download.newest(hub, "config.json", declared.get("revision"))
    found = {"title": hub, "revision": path.parent.name} | encoder_folder.declared(path.parent)
    return found | {key: value for key, value in declared.items() if value is not None}
