"""What the generated world holds by construction, claim by claim: fixed before any training, whatever one shows.

The claims are those of ``paper/claims.yaml``; `world` says how each effect is planted.
"""

from __future__ import annotations

from typing import Literal

Mark = Literal["effect", "null", "unknown"]

PLANTED: dict[str, tuple[Mark, str]] = {
    "head-tail-best": ("effect", "evidence stands at head and tail; each alone is missing in a share of the texts"),
    "truncation-beats-hierarchy": ("effect", "the middle of the long texts argues for another class"),
    "hierarchy-mean-worst": ("unknown", "the texts do not say how to pool"),
    "fractions-unstable": ("unknown", "a matter of training, not of the texts"),
    "last-layer-best": ("unknown", "a matter of the encoder"),
    "last-four-equal": ("unknown", "a matter of the encoder"),
    "low-rate-best": ("unknown", "nothing is planted for rates; the study's base rate was chosen to train well"),
    "high-rate-fails": ("effect", "a rate that is twenty times too high fails by itself"),
    "decay-helps": ("unknown", "nothing is planted for layer-wise rates"),
    "higher-rate-stronger-decay": ("unknown", "nothing is planted for layer-wise rates"),
    "within-task-helps": ("effect", "the text of a task shows what its jargon means, and few labels do"),
    "small-corpus-no-gain": ("null", "the questions are decided by their question word; their jargon is random"),
    "steps-100k-best": ("unknown", "how many steps are best is not planted"),
    "in-domain-helps": ("effect", "corpora of a domain share their jargon"),
    "in-domain-beats-within-task": ("unknown", "more text of the same jargon, but fewer passes over that of the task"),
    "in-domain-beats-cross-domain": ("unknown", "all text holds the jargon, diluted"),
    "cross-domain-no-gain": ("unknown", "all text holds the jargon, diluted"),
    "features-worst": ("unknown", "a matter of the encoder"),
    "beats-word-counts": ("unknown", "word counts read all of a long text; the encoder knows topics"),
    "multi-task-helps": ("unknown", "nothing is planted for it"),
    "cross-domain-multi-task-best": ("unknown", "nothing is planted for it"),
    "few-shot-gain": ("effect", "the fewer labels, the more jargon is unseen in them"),
    "few-shot-most": ("effect", "the fewer labels, the more jargon is unseen in them"),
    "large-best": ("unknown", "nothing is planted for size"),
}
"""Claim -> what its verdict should come to, and why."""
