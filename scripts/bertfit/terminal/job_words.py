"""What a job does, in a few words: ``fine-tuning on texts, rate 1e-4``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.experiments.registry import Registry

WORDS = {
    "build_corpus": "reading corpus {corpus}",
    "fetch_encoder": "fetching encoder {encoder}",
    "build_vocabulary": "building vocabulary {vocabulary}",
    "tokenize_corpus": "cutting {corpus}, {split} split, into word pieces",
    "write_documents": "splitting {corpus}, {split} split, into sentences",
    "write_text": "splitting {text}, {split} split, into sentences",
    "create_instances": "masking words of {mix}",
    "pretrain_encoder": "pre-training",
    "pretrain_and_save": "pre-training",
    "multitask_encoder": "multi-task fine-tuning",
    "finetune": "fine-tuning",
    "finetune_and_save": "fine-tuning",
    "train_on_features": "training on features",
    "run_baseline": "word counts and a linear model",
    "score_runs": "scoring {artefact}",
    "score_all": "scoring all runs",
    "tabulate_runs": "table {artefact}",
    "tabulate_corpora": "table {artefact}",
    "tabulate_forgetting": "table {artefact}",
    "plot_curves": "figure {artefact}",
    "plot_reliability": "figure {artefact}",
    "plot_sizes": "figure {artefact}",
    "plot_steps": "figure {artefact}",
    "draw_lineage": "figure {artefact}",
    "judge_claims": "testing the claims",
    "build_report": "writing the report",
    "archive_study": "writing the archive",
    "describe_corpus": "describing corpus {corpus}",
    "crate_study": "writing the crate",
    "check_encoder": "checking whether the encoder knows {corpus}",
    "plan_round": "planning round {round}",
    "count_and_save": "counting {counts}",
    "choose_model": "choosing the best classifier",
    "measure_model": "measuring it on the test texts",
    "find_label_errors": "looking for label errors",
    "draw_learning_curve": "drawing the learning curve",
    "build_dataset_report": "writing the report",
    "deliver_model": "exporting the classifier",
    "measure_speed": "measuring the speed of this machine",
    "plan": "planning",
}
"""Rule -> what its jobs do, with their wildcards in braces. Recipes and encoders are added in words."""
NAMES = {"layer_decay": "layer-wise decay", "max_length": "word pieces", "examples": "training texts"}
"""Fields of a recipe -> their names in words; others keep theirs."""
FITTED = ("finetune", "finetune_and_save", "train_on_features", "run_baseline", "count_and_save")
"""Rules that train a classifier on a corpus."""
TRAINED = ("pretrain_encoder", "pretrain_and_save", "multitask_encoder")
"""Rules whose encoder is their output."""


@dataclass(frozen=True)
class JobWords:
    """Words for the jobs of a study. ``registry`` knows its recipes."""

    registry: Registry

    def of(self, rule: str, wildcards: Mapping[str, str]) -> str:
        """What a job of a rule with these wildcards does."""
        known = next((name for name in (rule, rule.rstrip("_0123456789")) if name in WORDS), None)
        if known is None:
            return " ".join([rule.replace("_", " "), *wildcards.values()])
        try:
            words = WORDS[known].format_map(wildcards)
        except KeyError:  # the rule has no such wildcard
            words = known.replace("_", " ")
        if known in FITTED and "corpus" in wildcards:
            words += f" on {wildcards['corpus']}"
        words += _stages(wildcards.get("encoder", ""), known)
        return ", ".join([words, *self._recipe(wildcards.get("recipe", "")), *_seeds(wildcards.get("block", ""))])

    def _recipe(self, recipe_id: str) -> list[str]:
        """The rate, and what the recipe changes of the study's: ``rate 1e-4``, ``truncation tail``."""
        if not recipe_id:
            return []
        try:
            recipe, default = self.registry.recipe(recipe_id), self.registry.default
        except UserError:  # of word counts
            return [recipe_id]
        values = recipe.model_dump(exclude={"lr", "save_model"})
        changed = [key for key, value in values.items() if value != getattr(default, key)]
        return [f"rate {_rate(recipe.lr)}", *(f"{NAMES.get(key, key)} {values[key]}" for key in changed)]


def _stages(encoder: str, rule: str) -> str:
    """The stage that a job adds to its encoder, or those that the encoder already has."""
    try:
        stages = ids.parse_encoder(encoder).stages
    except UserError:  # no encoder, or that of word counts
        return ""
    if rule in TRAINED:
        last = stages[-1] if stages else None
        if isinstance(last, ids.PretrainingStage):
            return f" on {last.mix}, {last.total:,} steps"
        return f" on the corpora of {last.group}" if last else f" {encoder} from random weights"
    before = [
        f"pre-training on {stage.mix}" if isinstance(stage, ids.PretrainingStage) else f"multi-task {stage.group}"
        for stage in stages
    ]
    return f" after {' and '.join(before)}" if before and rule != "fetch_encoder" else ""


def _seeds(block: str) -> list[str]:
    """``seed 3`` or ``seeds 1 to 3``; nothing for the first alone."""
    first, last = (block.removeprefix("seeds").split("-") + [""])[:2]
    if block in ("", "seeds1-1"):
        return []
    return [f"seed {first}" if first == last else f"seeds {first} to {last}"]


def _rate(rate: float) -> str:
    """``1e-4`` and not ``0.0001``."""
    digits, exponent = f"{rate:.2e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"
