"""What each training job of a study does: steps, tokens, operations and bytes, from its declared values.

The plan of a job is that of the job itself: `example_order.ExamplePlan` and `multitask_sampling.counts` say how many
steps, `text_lengths` how long texts are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from bertfit.batching import multitask_sampling
from bertfit.batching.example_order import ExamplePlan
from bertfit.config.corpus_schema import Split
from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import (
    computed_layers,
    evaluations,
    training_examples,
    training_steps,
    validation_examples,
)
from bertfit.experiments.summary_specs import (
    PlannedBaseline,
    PlannedBlock,
    PlannedJob,
    PlannedMultitask,
    PlannedPretraining,
    StudyPlan,
)
from bertfit.plan import encoder_size, flops, text_lengths
from bertfit.plan.flops import NOTHING, Load, Size
from bertfit.plan.text_lengths import Lengths

ROW_BYTES = 12  # of predictions.parquet beside the logits, compressed


@dataclass(frozen=True)
class Work:
    """What one job does: ``train``, ``evaluate`` and ``pretrain`` are operations, ``tokens`` those of training.

    ``evaluations``: passes over texts without gradients; ``evaluated``: tokens that they read.
    """

    steps: int = 0
    tokens: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0
    pretrain: float = 0.0
    evaluations: int = 0
    evaluated: float = 0.0
    cuda_graphs: bool = True
    """whether its steps can be CUDA graphs, on one GPU"""
    relative_depth: float = 1.0
    """layers that are computed, of those of the study's base encoder, whose steps are timed"""
    bytes: float = 0.0
    """of predictions or encoders it leaves on disk"""
    state: float = 0.0
    """bytes of its resume state, gone at its end"""


@dataclass
class StudySizes:
    """Lengths of the texts and sizes of the encoders that the jobs of a plan share.

    ``notes`` collects what had to be assumed.
    """

    spec: StudyPlan
    averages: Mapping[str, float]
    """name in Table 1 -> average length"""
    notes: dict[str, None] = field(default_factory=dict)
    _lengths: dict[tuple[str, str], Lengths] = field(default_factory=dict)
    _sizes: dict[str, Size] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Add an assumption, unless it is noted already."""
        self.notes[text] = None

    def texts(self, corpus: str, split: Split) -> Lengths:
        """Lengths of one split of a corpus."""
        if (corpus, split) not in self._lengths:
            self._lengths[corpus, split] = self._find(corpus, split)
        return self._lengths[corpus, split]

    def _find(self, corpus: str, split: Split) -> Lengths:
        declared = self.spec.corpora[corpus]
        if counted := text_lengths.counted(Path(declared.tokens[split])):
            return counted
        title = self.spec.titles.get(corpus, "")
        average = self.averages.get(title, text_lengths.AVERAGE)
        source = "Table 1 of the paper" if title in self.averages else "no source: a guess"
        self.note(f"{corpus}: not tokenised yet; lengths spread around {average:g} word pieces ({source})")
        rows = declared.rows.get(split)
        if rows is None:
            self.note(f"{corpus}: rows of {split} are not declared; 10,000 assumed")
        return text_lengths.assumed(average, 10_000 if rows is None else rows)

    def size(self, base: str) -> Size:
        """Size of a base encoder."""
        if base not in self._sizes:
            self._sizes[base] = encoder_size.of(self.spec.encoders[base], base, self.note)
        return self._sizes[base]

    def runs_as_graph(self, base: str) -> bool:
        """Whether steps of an encoder can be CUDA graphs: those of BERT (`PackedEncoder.runs_as_graph`)."""
        return self.spec.encoders[base].family == "bert"

    def relative_depth(self, layers: int) -> float:
        """``layers`` as a share of those of the study's base encoder."""
        return layers / self.size(self.spec.base).layers

    def work(self, job: PlannedJob) -> Work:
        """What a job does."""
        match job:
            case PlannedPretraining():
                return _pretrain(self, job)
            case PlannedMultitask():
                return _multitask(self, job)
            case PlannedBaseline():
                return _baseline(self, job)
            case PlannedBlock(kind="finetune"):
                return _finetune(self, job)
            case PlannedBlock():
                return _features(self, job)


def depth(recipe: Finetune, size: Size) -> int:
    """Number of layers that a recipe reads."""
    return computed_layers(recipe.layers, size.layers)


def plan(recipe: Finetune, rows: int) -> tuple[ExamplePlan, int]:
    """The order of examples of a run on a training set of ``rows``, and how many it holds out for validation."""
    used = min(rows, training_examples(rows, recipe.fraction, recipe.examples))
    held_out = validation_examples(used, recipe.validation)
    trained = np.arange(max(used - held_out, 1))
    return ExamplePlan(trained, recipe.batch_size, recipe.epochs, 0, recipe.steps, recipe.minimum_steps), held_out


def examples(plan: ExamplePlan) -> int:
    """Number of examples that the steps of a plan read: the last batch of an epoch may be smaller."""
    epochs, rest = divmod(plan.steps, plan.steps_per_epoch)
    return epochs * len(plan.rows) + rest * plan.batch_size


# ---------------------------------------------------------------------------------------------- by kind


@dataclass(frozen=True)
class _CorpusLoad:
    """What a recipe reads of a corpus: the average training example, all of the test set, and their rows."""

    example: Load
    test: Load
    train_rows: int
    test_rows: int


def _corpus_load(sizes: StudySizes, corpus: str, recipe: Finetune) -> _CorpusLoad:
    train, test = sizes.texts(corpus, "train"), sizes.texts(corpus, "test")
    example = train.load(recipe).times(1 / max(train.documents, 1))
    return _CorpusLoad(example, test.load(recipe), train.documents, test.documents)


def _prediction_bytes(sizes: StudySizes, job: PlannedBlock | PlannedBaseline, rows: int, evaluations: int) -> float:
    """Bytes of a job's predictions.parquet: of the last and of the best evaluation."""
    classes = sizes.spec.corpora[job.corpus].classes or 10
    return len(job.seeds) * rows * min(evaluations, 2) * (4 * classes + ROW_BYTES)


def _finetune(sizes: StudySizes, job: PlannedBlock) -> Work:
    recipe = sizes.spec.recipes[job.recipe]
    size = sizes.size(job.base)
    corpus = _corpus_load(sizes, job.corpus, recipe)
    planned, held_out = plan(recipe, corpus.train_rows)
    times = evaluations(planned.steps, planned.steps_per_epoch, recipe.evaluate_every)
    seeds, load = len(job.seeds), corpus.example.times(examples(planned))
    evaluated = corpus.test.plus(corpus.example.times(held_out))
    saved = size.bytes if recipe.save_model else 0
    return Work(
        cuda_graphs=sizes.runs_as_graph(job.base),
        steps=seeds * planned.steps,
        tokens=seeds * load.tokens,
        train=seeds * flops.finetune(size, load, depth(recipe, size), recipe.frozen),
        evaluate=seeds * times * flops.read(size, evaluated, depth(recipe, size)),
        evaluations=seeds * times,
        evaluated=seeds * times * evaluated.tokens,
        relative_depth=sizes.relative_depth(depth(recipe, size)),
        bytes=_prediction_bytes(sizes, job, corpus.test_rows, times) + seeds * saved,
        state=size.state_bytes,
    )


def _features(sizes: StudySizes, job: PlannedBlock) -> Work:
    recipe = sizes.spec.recipes[job.recipe]
    size = sizes.size(job.base)
    corpus = _corpus_load(sizes, job.corpus, recipe)
    planned, held_out = plan(recipe, corpus.train_rows)
    times = evaluations(planned.steps, planned.steps_per_epoch, recipe.evaluate_every)
    seeds, load, width = len(job.seeds), corpus.example.times(examples(planned)), size.hidden
    evaluated = corpus.test.plus(corpus.example.times(held_out)).times(times)
    train = corpus.example.times(corpus.train_rows)
    cache = (train.tokens + corpus.test.tokens) * width * flops.FLOAT
    cached = cache <= 1e6 * sizes.spec.cache_mb
    encoded = train.plus(corpus.test) if cached else load.plus(evaluated).times(seeds)
    training = flops.lstm(width, recipe.lstm, recipe.lstm_attention, load, trained=True)
    evaluating = flops.lstm(width, recipe.lstm, recipe.lstm_attention, evaluated, trained=False)
    sizes.note(
        f"biLSTM: at {flops.LSTM_SHARE:g} of the encoder's operations a second, and with the time per step of "
        "fine-tuning, where it was measured without CUDA graphs (an upper bound)"
    )
    return Work(
        steps=seeds * planned.steps,
        tokens=seeds * load.tokens,
        train=seeds * (training + evaluating) / flops.LSTM_SHARE,
        evaluate=flops.layers(size, encoded, depth(recipe, size)),
        evaluations=seeds * times,
        evaluated=encoded.tokens,
        cuda_graphs=False,  # see `bert_feat.FeatureTask`
        relative_depth=sizes.relative_depth(depth(recipe, size)),
        bytes=_prediction_bytes(sizes, job, corpus.test_rows, times),
        state=cache if cached else 0,
    )


def _baseline(sizes: StudySizes, job: PlannedBaseline) -> Work:
    sizes.note("TF-IDF and linear model: a job without a GPU, not counted beyond its start")
    return Work(steps=1, bytes=_prediction_bytes(sizes, job, sizes.texts(job.corpus, "test").documents, 1))


def _multitask(sizes: StudySizes, job: PlannedMultitask) -> Work:
    recipe, group = job.whole, job.group
    size = sizes.size(job.base)
    corpora = [_corpus_load(sizes, corpus, recipe) for corpus in group.corpora]
    rows = [plan(recipe, corpus.train_rows)[0].rows.size for corpus in corpora]
    batches = multitask_sampling.counts(rows, group, recipe.batch_size)
    epoch = sum(batches)
    steps = training_steps(recipe.epochs, epoch, recipe.steps, recipe.minimum_steps)
    load = test = NOTHING
    for corpus, count in zip(corpora, batches, strict=True):
        load = load.plus(corpus.example.times(steps * count / epoch * recipe.batch_size))
        test = test.plus(corpus.test)
    times = evaluations(steps, epoch, recipe.evaluate_every)
    return Work(
        cuda_graphs=sizes.runs_as_graph(job.base),
        steps=steps,
        tokens=load.tokens,
        train=flops.finetune(size, load, depth(recipe, size), recipe.frozen),
        evaluate=times * flops.read(size, test, depth(recipe, size)),
        evaluations=times * len(corpora),
        evaluated=times * test.tokens,
        relative_depth=sizes.relative_depth(depth(recipe, size)),
        bytes=size.bytes,
        state=size.state_bytes,
    )


def _pretrain(sizes: StudySizes, job: PlannedPretraining) -> Work:
    pretrain, size = job.pretrain, sizes.size(job.base)
    measured = _average_instance(Path(job.instances))
    if measured:
        instance, masked = measured
    else:
        length = pretrain.max_length * (1 - pretrain.short_share / 2)
        instance = Load(1, length, length**2)
        masked = float(min(pretrain.max_predictions, max(1, round(pretrain.masked_share * length))))
        sizes.note("pre-training instances that are not made yet: as long as the data creation aims at, an upper bound")
    instances = pretrain.steps * pretrain.batch_size
    load = instance.times(instances)
    return Work(
        cuda_graphs=sizes.runs_as_graph(job.base),
        steps=pretrain.steps,
        tokens=load.tokens,
        pretrain=flops.pretrain(size, load, masked * instances),
        relative_depth=sizes.relative_depth(size.layers),
        bytes=size.bytes * (1 + job.saves),
        state=size.state_bytes + size.bytes * job.saves,
    )


def _average_instance(path: Path) -> tuple[Load, float] | None:
    """The average instance of a file, and its number of masked words; None if there is no file."""
    if not path.is_file():
        return None
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    blocks = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    lengths, masked = (
        np.concatenate([np.diff(block[name].offsets.to_numpy()) for block in blocks]).astype(np.float64)
        for name in ("input_ids", "positions")
    )
    return Load(1, float(lengths.mean()), float((lengths**2).mean())), float(masked.mean())
