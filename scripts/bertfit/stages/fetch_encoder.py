"""Base encoders, converted from the hub, a folder or a package into the project's encoder folders."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from bertfit.config.encoder_schema import Encoder, Vocabulary
from bertfit.core import hub_download, installed_packages
from bertfit.core.errors import UserError
from bertfit.encoders import encoder_folder
from bertfit.encoders.encoder_folder import PICKLE, WEIGHTS
from bertfit.hugging_face.hf_encoder import TOKENIZER, import_pretraining, save, warn
from bertfit.runtime.rule_job import JobIdentity
from bertfit.tokens import build_vocabulary, vocabulary_file
from bertfit.training import run_record


def fetch(encoder: Encoder, *, out: Path, job: JobIdentity) -> None:
    """Write an encoder folder, with the heads of its pre-training, from the hub, a folder or a package.

    Heads that the checkpoint lacks are initialised from the encoder's seed; ``run.json`` and the log name them. Weights
    are read from safetensors alone; other files beside them, such as pickles, are neither read nor copied.
    Raises `UserError` where the source is unavailable, is of another family than declared, or has its weights as a
    pickle only.
    """
    source = _source(encoder)
    model, newly_initialised = import_pretraining(source, encoder.seed)
    depth = model.encoder.config.num_hidden_layers
    if depth != encoder.depth:
        raise UserError(
            f"{source}: {depth} layers where {encoder.depth} are declared; correct `layers` of the encoder "
            f"{encoder.title!r}"
        )
    warn(newly_initialised, encoder.seed)
    record = run_record.record(job, inputs={"config": source / "config.json"}, device=torch.device("cpu")) | {
        "source": _origin(encoder),
        "heads": "newly initialised" if newly_initialised else "from the checkpoint",
        "newly_initialised": newly_initialised,
        "encoder": model.encoder.facts,
    }
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = Path(temporary, "tokenizer")
        build_vocabulary.build(
            Vocabulary(encoder=encoder.title),
            encoder_folder=source,
            texts=[],
            folder=tokenizer,
            token_types=encoder.kind.token_types,
        )
        _check_size(source, tokenizer, model.encoder.config.vocab_size)
        save(model, tokenizer, out, {"run.json": run_record.text(record)})


def _check_size(source: Path, tokenizer: Path, vectors: int) -> None:
    """Refuse a vocabulary with more entries than the embeddings have vectors."""
    size, _ = vocabulary_file.id_type(vocabulary_file.load(tokenizer))
    if size > vectors:
        raise UserError(
            f"{source}: its vocabulary has {size} entries, its embeddings {vectors}: they do not belong together; copy "
            "tokenizer and weights from one source"
        )


def _origin(encoder: Encoder) -> dict[str, str]:
    """Where an encoder comes from and its terms of use; of a package also its version and what its metadata declare."""
    given = {"hub", "revision", "folder", "package", "requirement", "licence"}
    declared = encoder.model_dump(include=given, exclude_none=True)
    if not encoder.package:
        return declared
    name = installed_packages.distribution(encoder.package, encoder.requirement)
    return declared | installed_packages.facts(name)


def _source(encoder: Encoder) -> Path:
    """The local folder that holds the encoder's files."""
    if encoder.folder is not None:
        folder = Path(encoder.folder).expanduser()
    elif encoder.package is not None:
        folder = encoder_folder.of_package(encoder.package, encoder.requirement)
    else:
        folder = _download(str(encoder.hub), str(encoder.revision))
    found = str(encoder_folder.read_config(folder).get("model_type", "bert"))
    if found != encoder.kind.model_type:
        raise UserError(
            f"{folder}: an encoder of the family {found}, but {encoder.kind.model_type} is declared; say "
            f"`family: {found}` of the encoder {encoder.title!r}"
        )
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder}: {_no_weights((folder / PICKLE).exists())}")
    return folder


def _no_weights(pickled: bool) -> str:
    if pickled:
        return (
            f"its weights are a pickle ({PICKLE}), which is never read, since reading one may run what is in it; give "
            f"a commit or a folder with {WEIGHTS} (`save_pretrained` of transformers writes it)"
        )
    return f"no {WEIGHTS}; an encoder folder in Hugging Face format is needed"


def _download(model: str, revision: str) -> Path:
    """A model's files at a pinned commit, from the hub's cache if they are in it."""
    source = f"hub model {model} at {revision[:7]}"
    with hub_download.explain_errors(source, "or give its files as `folder:`"):
        folder = hub_download.snapshot(model, ("config.json", *TOKENIZER, WEIGHTS), revision=revision, kind="model")
        if not (folder / WEIGHTS).is_file():
            raise UserError(f"{source}: {_no_weights(_offers(model, revision, PICKLE))}")
    if not (folder / "config.json").is_file() or not any((folder / name).is_file() for name in TOKENIZER):
        raise UserError(f"{source}: it lacks config.json or a vocabulary ({', '.join(TOKENIZER)}); give another model")
    return folder


def _offers(model: str, revision: str, name: str) -> bool:
    """Whether the hub has a file of this name; asks for its headers alone."""
    from huggingface_hub import file_exists

    return file_exists(model, name, revision=revision)
