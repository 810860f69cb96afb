"""The items of the REFORMS checklist, by number, in a few words of our own.

REFORMS: Kapoor et al. 2024, "REFORMS: Consensus-based Recommendations for Machine-learning-based Science", Science
Advances 10 (18), https://doi.org/10.1126/sciadv.adk3452, Table 1: 32 items in 8 modules.
"""

from __future__ import annotations

from dataclasses import dataclass

MODULES = (
    "Study goals",
    "Computational reproducibility",
    "Data quality",
    "Data preprocessing",
    "Modeling",
    "Data leakage",
    "Metrics and uncertainty",
    "Generalizability and limitations",
)
"""names of the modules 1 to 8"""
ITEMS = {
    "1a": "Population that the claims are about",
    "1b": "Why this population",
    "1c": "Why machine learning",
    "2a": "Data sets, and how to identify them",
    "2b": "Code, and its exact version",
    "2c": "Computing infrastructure",
    "2d": "Instructions to get the results",
    "2e": "Script that produces all results",
    "3a": "Sources of training and test data, collection and annotation",
    "3b": "What the data are sampled from",
    "3c": "Why the data suit the task",
    "3d": "Outcome variable, with its distribution",
    "3e": "Number of samples",
    "3f": "Missing data, by class",
    "3g": "Why the sampled set represents the population (1a)",
    "4a": "Samples that were left out, and why",
    "4b": "Impossible or corrupt samples",
    "4c": "Every transformation from raw data to model input",
    "5a": "All models that were trained: inputs, type, loss",
    "5b": "Why these types of model",
    "5c": "How models are evaluated: splits",
    "5d": "How the reported models were selected",
    "5e": "Hyperparameters and their tuning",
    "5f": "Whether baselines are appropriate",
    "6a": "Preprocessing and training see the training split alone",
    "6b": "Dependencies and duplicates between training and test data",
    "6c": "Whether each input is legitimate",
    "7a": "Metrics, and why they suit the task",
    "7b": "Uncertainty, and how it is calculated",
    "7c": "Statistical tests and their assumptions",
    "8a": "Evidence of external validity",
    "8b": "Where the findings are not expected to hold",
}
"""number of an item -> its short name; the module is the number's digit"""


@dataclass(frozen=True)
class Answer:
    """What the study knows of an item.

    ``known``: sentences or lines of Markdown, empty if nothing is known; ``where``: files that say it; ``needed``: what
    only the authors can add, empty where nothing is missing.
    """

    known: str = ""
    where: str = ""
    needed: str = ""
