"""Uploads an exported classifier to the Hugging Face hub: the files of its folder that make up the model, no others."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.core import hub_download
from bertfit.core.errors import UserError
from bertfit.inference.model_folder import ONNX, ModelFolder

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILES = (
    "README.md", "bertfit.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "vocab.txt", "word_counts.json", "word_counts.safetensors",
    *(path.as_posix() for path in ONNX.values()),
)  # fmt: skip
"""what is uploaded, where it exists"""
CURES = {
    401: "the token is not valid: set HF_TOKEN to one of https://huggingface.co/settings/tokens",
    403: "the token may not write there: give one with write access, and a name under your account or organisation",
    404: "no such owner, or the token may not write there: check the name, and give a token with write access",
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


def push(folder: Path, repository: str, *, private: bool = True, texts_may_be_memorised: bool = False) -> str:
    """Upload the classifier in ``folder`` to the repository ``owner/name``, which is made if need be; returns its URL.

    The token is that of `huggingface_hub`: ``HF_TOKEN``, or of ``hf auth login``. A repository that exists stays as
    public as it is. Raises `UserError` for a folder without a model card, a name that the hub does not take, a missing
    token, errors of the hub, and, unless ``texts_may_be_memorised`` confirms it, for a model that may give away its
    training texts.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    model = ModelFolder.open(folder)
    if not (folder / "README.md").is_file():
        raise UserError(f"{folder}: no model card (README.md); export the model with make classify")
    if not NAME.fullmatch(repository) or ".." in repository or "--" in repository:
        raise UserError(
            f"{repository!r}: not the name of a repository; give OWNER/NAME of letters, digits, '-', '_' and '.'"
        )
    files = [name for name in FILES if (folder / name).is_file()]
    for name in files:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{folder / name}: this link leads out of the folder; replace it by the file")
    settings = model.settings
    if settings.memorisable is not False and not texts_may_be_memorised:
        reason = settings.memorisable_because or "its folder does not say whether texts could be read out of it"
        raise UserError(
            f"{folder}: the model may give away texts that it was trained on: {reason}. To upload it all the same: "
            "make push ... REALLY=yes, or --yes-texts-may-be-memorised"
        )
    if not get_token():
        raise UserError("no token of the hub: set HF_TOKEN to one with write access, or run `hf auth login`")
    where = f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/{repository}"
    with hub_download.explain_errors(where, "nothing was published, or only a part: run the same command again"):
        try:
            return _upload(HfApi(), folder, files, repository, private, settings.study)
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status not in CURES:
                raise
            raise UserError(f"{where}: HTTP {status}; {CURES[status]}") from error


def _upload(api: HfApi, folder: Path, files: list[str], repository: str, private: bool, study: str) -> str:
    url = api.create_repo(repository, repo_type="model", private=private, exist_ok=True)
    api.upload_folder(
        repo_id=repository,
        repo_type="model",
        folder_path=folder,
        allow_patterns=files,
        commit_message=f"Upload the classifier {study}".strip(),
    )
    return str(url)
