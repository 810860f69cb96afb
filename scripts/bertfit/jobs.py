"""What each rule's job reads (paths) and depends on (values): the registry as the rules need it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from . import ids
from .errors import UserError
from .registry import Cell, Registry
from .spec import Finetune, Pretrain, TextForm

SPLITS = ("train", "test")
# Of `Pretrain`, what the data creation reads; the rest is for training.
INSTANCE_FIELDS = (
    "max_length", "max_predictions", "masked_share", "short_share", "dupe", "data_seed",
)  # fmt: skip


@dataclass(frozen=True)
class Jobs:
    """Inputs and values of every job of a study. Paths are relative to the working folder."""

    registry: Registry
    gpus_here: int = 0

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.registry.root

    # ------------------------------------------------------------------------------------------ wildcards

    @cached_property
    def fetched(self) -> list[str]:
        """Base encoders that come from elsewhere: those that runs or vocabularies need."""
        study = self.registry.settings.study
        from_vocabularies = [vocabulary.encoder for vocabulary in study.vocabularies.values() if vocabulary.encoder]
        names = {*self.registry.encoders, *from_vocabularies}
        return [name for name in study.encoders if name in names and not study.encoders[name].scratch]

    @cached_property
    def pretrained(self) -> list[str]:
        """Encoders that the workflow trains."""
        return [name for name in self.registry.encoders if name not in self.fetched]

    @cached_property
    def recipes(self) -> list[str]:
        """Ids of all recipes in use."""
        return sorted({trainee.recipe for trainee in self.registry.seeds} | {"default"})

    @cached_property
    def mixes(self) -> list[str]:
        """Mixes that encoders are trained on."""
        mixes = {self.registry.pretraining(encoder)[1] for encoder in self.pretrained}
        return sorted(mixes | ({self._held_out} if self._held_out and self.pretrained else set()))

    def of_kind(self, *kinds: str) -> list[str]:
        """Artefacts of some kinds."""
        return [key for key, artefact in self.registry.artefacts.items() if artefact.kind in kinds]

    @property
    def gpu(self) -> int:
        """GPUs a training job asks for."""
        asked = self.registry.settings.gpus
        return min(1, self.gpus_here) if asked is None else asked

    # ------------------------------------------------------------------------------------------ corpora, tokens

    def corpus_files(self, corpus: str) -> list[str]:
        """Local files a corpus is read from."""
        local = self.registry.corpus(corpus).source.local
        folder = self.registry.settings.data or Path()
        return [str(folder / local.train), str(folder / local.test)] if local else []

    def corpus_spec(self, corpus: str) -> dict[str, Any]:
        """All that the rows of a corpus depend on."""
        return {
            "name": corpus,
            "corpus": self.registry.corpus(corpus).model_dump(exclude={"encoder", "overlaps"}),
            "sample": self.registry.settings.study.sample,
        }

    def token_spec(self, corpus: str) -> dict[str, Any]:
        """How the fields of a corpus become the texts that are classified."""
        return self.registry.corpus(corpus).model_dump(include={"fields", "text", "pair"})

    def text_spec(self, corpus: str) -> dict[str, Any]:
        """How the fields of a corpus become pre-training text."""
        return self.registry.corpus(corpus).model_dump(include=set(TextForm.model_fields))

    def vocabulary_files(self, vocabulary: str) -> list[str]:
        """What a vocabulary is made from."""
        declared = self.registry.settings.study.vocabularies[vocabulary]
        if declared.encoder:
            return [f"{self.root}/encoders/{declared.encoder}/tokenizer.json"]
        return [
            f"{self.root}/documents/{text}.train.txt"
            for text in declared.texts
            if text in self.registry.settings.study.texts or self.registry.missing(text) is None
        ]

    def tokens(self, corpus: str, encoder: str, split: str) -> str:
        """The tokens a run reads."""
        return f"{self.root}/tokens/{self.registry.vocabulary(encoder)}/{corpus}/{split}.arrow"

    # ------------------------------------------------------------------------------------------ encoders

    def mix_files(self, mix: str) -> list[str]:
        """The texts of a mix that can be had, in the order declared; of a held-out text its test split."""
        if mix == self._held_out:
            return [f"{self.root}/documents/{self.registry.settings.study.held_out}.test.txt"]
        mixes = self.registry.settings.study.mixes
        splits = SPLITS if mix in mixes and mixes[mix].text == "train+test" else ("train",)
        names = self.registry.texts_in_hand(mix)
        return [f"{self.root}/documents/{name}.{split}.txt" for name in names for split in splits]

    def text_files(self, text: str, split: str) -> list[str]:
        """The user's file behind one split of an unlabelled text."""
        declared = self.registry.settings.study.texts[text]
        path = declared.path if split == "train" else declared.test
        return [path] if path else []

    @property
    def _held_out(self) -> str | None:
        """The mix of the held-out text."""
        name = self.registry.settings.study.held_out
        return f"{name}-held-out" if name else None

    def overlap_files(self, corpus: str, split: str) -> list[str]:
        """Test splits whose texts are dropped from a corpus's training text before pre-training."""
        names = self.registry.settings.study.corpora[corpus].overlaps if split == "train" else []
        return [f"{self.root}/corpora/{name}/test.parquet" for name in names if not self.registry.missing(name)]

    def instance_spec(self, mix: str) -> dict[str, Any]:
        """What the data creation of a mix depends on. One way per mix: two encoders may not disagree on it."""
        found: list[Pretrain] = []
        for encoder in self.pretrained:
            pretrain, used, _ = self.registry.pretraining(encoder)
            if used == mix or mix == self._held_out:
                found.append(pretrain)
        ways = [{key: getattr(pretrain, key) for key in INSTANCE_FIELDS} for pretrain in found]
        if mix == self._held_out:  # measured on one way, whatever the encoders were trained on
            ways = [ways[0] | {"dupe": 1}]
        if any(way != ways[0] for way in ways):
            raise UserError(
                f"mix {mix!r} is used with different data creation ({', '.join(INSTANCE_FIELDS)}); give it two names"
            )
        return ways[0]

    def instances(self, encoder: str) -> str:
        """The instances an encoder is trained on."""
        mix = self.registry.pretraining(encoder)[1]
        return f"{self.root}/instances/{self.registry.vocabulary(encoder)}/{mix}.arrow"

    def held_out(self, encoder: str) -> list[str]:
        """The instances that show what further pre-training forgets, if the study declares any."""
        if self._held_out is None:
            return []
        return [f"{self.root}/instances/{self.registry.vocabulary(encoder)}/{self._held_out}.arrow"]

    def tokenizer(self, encoder: str) -> str:
        """The vocabulary an encoder reads."""
        return f"{self.root}/vocabularies/{self.registry.vocabulary(encoder)}/tokenizer.json"

    def parent_files(self, encoder: str) -> list[str]:
        """Weights of the encoder before the last stage; none for a base from scratch."""
        lineage = ids.parse_encoder(encoder)
        if not lineage.stages:
            return []
        return [f"{self.root}/encoders/{ids.format_encoder(lineage.parent)}/model.safetensors"]

    def pretrain_spec(self, encoder: str) -> dict[str, Any]:
        """All values an encoder's training depends on."""
        pretrain, mix, seed = self.registry.pretraining(encoder)
        lineage = ids.parse_encoder(encoder)
        scratch = self.registry.base(encoder).scratch if not lineage.stages else None
        shape = scratch.model_dump() if scratch else None
        return {"encoder": encoder, "mix": mix, "pretrain": pretrain.model_dump(), "seed": seed, "shape": shape}

    def pretrain_threads(self, encoder: str) -> int:
        """CPU threads of an encoder's training: a base from scratch has the machine for itself."""
        study = self.registry.settings.study
        return study.base_threads if not ids.parse_encoder(encoder).stages else study.threads

    # ------------------------------------------------------------------------------------------ runs

    def recipe(self, recipe: str) -> Finetune:
        """The whole recipe behind an id."""
        return self.registry.recipe(recipe)

    def run_spec(self, corpus: str, encoder: str, recipe: str, block: str) -> dict[str, Any]:
        """All values a run depends on."""
        return {
            "corpus": corpus,
            "encoder": encoder,
            "recipe": self.recipe(recipe).model_dump(),
            "seeds": ids.parse_block(block),
        }

    def run_files(self, artefact: str | None = None) -> list[str]:
        """Predictions behind one artefact, or of the whole study."""
        return [f"{self.root}/{job.path}/predictions.parquet" for job in self.registry.jobs(artefact)]

    def score_spec(self, artefact: str | None = None) -> dict[str, Any]:
        """Which run stands behind each file of `run_files`, in its order."""
        runs = [
            {"corpus": job.trainee.corpus, "encoder": job.trainee.encoder, "recipe": job.trainee.recipe}
            for job in self.registry.jobs(artefact)
        ]
        return {"study": self.registry.settings.name, "runs": runs}

    # ------------------------------------------------------------------------------------------ artefacts

    def targets(self, artefact: str) -> list[str]:
        """The files of one artefact."""
        if self.registry.artefacts[artefact].kind in ("curves", "steps"):
            return [f"{self.root}/figures/{artefact}.{form}" for form in ("svg", "png", "csv")]
        return [f"{self.root}/tables/{artefact}.{form}" for form in ("csv", "md", "tex", "html")]

    def corpora_in_hand(self, artefact: str) -> list[str]:
        """Those of an artefact's corpora that can be had."""
        columns = self.registry.artefacts[artefact].columns
        return [corpus for corpus in columns if self.registry.unavailable(corpus) is None]

    def statistics_files(self, artefact: str, split: str | None = None) -> list[str]:
        """Cards (no split) or tokens of the corpora in hand."""
        names = self.corpora_in_hand(artefact)
        if split is None:
            return [f"{self.root}/corpora/{name}/card.json" for name in names]
        return [self.tokens(name, self.registry.base_of(name), split) for name in names]

    def artefact_spec(self, artefact: str) -> dict[str, Any]:
        """What an artefact shows: its declaration, its cells, and why some are empty."""
        registry = self.registry
        declared = registry.artefacts[artefact]
        study = registry.settings.study
        spec: dict[str, Any] = {
            "key": artefact,
            "artefact": declared.model_dump(),
            "study": registry.settings.name,
            "comparable": study.comparable,
        }
        if declared.kind == "statistics":
            spec["corpora"] = {
                corpus: {
                    "title": column,
                    "domain": study.corpora[corpus].domain if corpus in study.corpora else None,
                    "max_length": registry.default.max_length,
                    "reason": registry.unavailable(corpus) or "",
                }
                for corpus, column in declared.columns.items()
            }
        else:
            spec["cells"] = [
                {
                    "row": cell.row,
                    "column": cell.column,
                    "corpus": cell.corpus,
                    "encoder": cell.trainee.encoder if cell.trainee else None,
                    "recipe": cell.trainee.recipe if cell.trainee else None,
                    "steps": registry.further_steps(declared.rows[cell.row]),
                    "seeds": list(cell.seeds),
                    "status": cell.status,
                    "reason": cell.reason,
                    "runs": [f"../{path}" for path in self._folders(cell)],
                }
                for cell in registry.cells[artefact]
            ]
        if declared.kind == "curves":
            spec["lines"] = [
                {
                    "label": f"{cell.row} (lr={self.recipe(cell.trainee.recipe).lr:g})" if cell.trainee else cell.row,
                    "published": declared.rows[cell.row].published or cell.row,
                    "histories": [f"{self.root}/{path}/history.csv" for path in self._folders(cell)],
                    "seeds": list(cell.seeds),
                    "reason": cell.reason,
                }
                for cell in registry.cells[artefact]
            ]
        return spec

    def _folders(self, cell: Cell) -> list[str]:
        """Folders of the runs behind one cell, below the study's."""
        jobs = [job for job in self.registry.jobs() if job.trainee == cell.trainee]
        return [job.path for job in jobs if set(ids.parse_block(job.block)) & set(cell.seeds)]

    def histories(self, artefact: str) -> list[str]:
        """history.csv of the runs behind a figure."""
        return [f"{self.root}/{job.path}/history.csv" for job in self.registry.jobs(artefact)]
