"""A made-up outcome of the search for the best classifier of a dataset of one's own."""

from __future__ import annotations

from typing import Any

from bertfit.search.search_record import Choice, Final, Lead, MeasuredRun
from bertfit.statistics import metrics

TITLES = {
    "words": "word counts",
    "characters": "character n-grams",
    "plain": "fine-tuning",
    "slower": "fine-tuning at half the rate",
    "faster": "fine-tuning at twice the rate",
    "balanced": "fine-tuning with balanced classes",
    "layers": "fine-tuning with layer-wise rates",
    "further": "further pre-training and layer-wise rates",
}


def measured(candidate: str, error: float, epochs: float = 4, **given: Any) -> MeasuredRun:
    """A run of a candidate on 320 validation texts."""
    low, high = metrics.wilson(error * 320, 320)
    counts = candidate in ("words", "characters")
    values = {
        "candidate": candidate,
        "title": TITLES[candidate],
        "encoder": "tfidf" if counts else "base~further" if candidate == "further" else "base",
        "recipe": candidate,
        "epochs": epochs,
        "folder": f"runs/selection/base/{candidate}/seeds1-1",
        "round": 1,
        "error": error,
        "low": low,
        "high": high,
        "macro_f1": 1 - error - 0.004,
        "micro_f1": 1 - error,
        "seconds": 1.4 if counts else 21.0 * epochs,
        "pretraining_seconds": 74.0 if candidate == "further" else 0.0,
        "ended": epochs,
    }
    return MeasuredRun.model_validate(values | given)


def choice(winner: str = "further", **given: Any) -> Choice:
    """Two rounds; ``winner`` is ``further``, clearly ahead of word counts only, or ``words``, clearly ahead of all."""
    errors = {"words": 0.147, "characters": 0.156, "plain": 0.134, "slower": 0.169, "faster": 0.128, "layers": 0.125}
    runs = [measured(name, error, 1) for name, error in errors.items()]
    runs += [measured("further", 0.119, 1), measured("layers", 0.116, round=2), measured("further", 0.109, round=2)]
    longest = {run.candidate: run for run in runs}
    if winner == "words":
        longest["words"] = measured("words", 0.081)
        runs[0] = longest["words"]
    best = longest[winner]
    others = sorted((run for run in longest.values() if run is not best), key=lambda run: run.error)
    width = 0.022
    leads = [
        Lead(
            candidate=run.candidate,
            title=run.title,
            value=run.error - best.error,
            low=run.error - best.error - width,
            high=run.error - best.error + width,
        )
        for run in others
    ]
    left_out = {"balanced": "no class has 5 times as many texts as another"}
    left_out |= dict.fromkeys(["plain", "slower", "faster"], "not among the best 2 after 1 epochs")
    values = {
        "metric": "error",
        "winner": best,
        "final": Final(encoder=best.encoder, recipe=best.recipe, folders=["runs/texts/x/y/seeds1-1"]),
        "epochs": best.epochs,
        "leads": leads,
        "measured": runs,
        "left_out": left_out,
        "titles": TITLES,
        "texts": 320,
        "budget": 900.0,
        "seconds": 412.0,
    }
    return Choice.model_validate(values | given)
