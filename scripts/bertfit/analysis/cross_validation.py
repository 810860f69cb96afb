"""Out-of-sample probabilities of the labels of a corpus, by cross-validation: of each text without having seen it.

Shapes: R texts, C classes, F features.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

FOLDS = 5
SEED = 20190514
MAX_ITERATIONS = 300

Members = NDArray[np.bool_]
"""(R, C) which classes each text has"""


@dataclass(frozen=True)
class Features:
    """Features of the texts, (R, F) dense or sparse, and the inverse of the L2 penalty of a regression on them."""

    matrix: Any
    c: float


def probabilities(
    features: Sequence[Features], members: Members, groups: NDArray[np.integer], *, several: bool
) -> NDArray[np.float64]:
    """(R, C) probability of each class: the mean over logistic regressions, one on each of the ``features``.

    The texts are divided into `FOLDS` by class, each predicted by regressions on the others; texts of one of the
    ``groups`` (R,) are in one fold. ``several``: whether a text may have several classes; each class then has a
    regression of its own. Deterministic. Raises `ValueError` for fewer groups than folds.
    """
    strata = _strata(members)
    if len(np.unique(groups)) < FOLDS:
        raise ValueError(f"{len(np.unique(groups))} groups for {FOLDS} folds")
    mean = np.zeros(members.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a ranking needs no exact minimum
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(strata, strata, groups)
        for train, test in split:
            for each in features:
                mean[test] += _predicted(each, members, train, test, several) / len(features)
    return mean


def learnable(members: Members, groups: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(C,) whether each fold's regressions see the class: it has texts of at least `FOLDS` groups."""
    return np.array([len(np.unique(groups[has])) >= FOLDS for has in members.T])


def _strata(members: Members) -> NDArray[np.int64]:
    """(R,) the class of each text, of several the rarest, -1 for none; one stratum where all are smaller than folds."""
    counts = members.sum(axis=0)
    rarest = np.where(members, counts, len(members) + 1).argmin(axis=1)
    strata = np.where(members.any(axis=1), rarest, -1)
    return strata if np.unique(strata, return_counts=True)[1].max() >= FOLDS else np.zeros_like(strata)


def _predicted(
    features: Features, members: Members, train: NDArray[Any], test: NDArray[Any], several: bool
) -> NDArray[np.float64]:
    """(len(test), C) probabilities of the texts ``test`` by a regression on the texts ``train``."""
    matrix = features.matrix
    found = np.zeros((len(test), members.shape[1]))
    if several:
        for number, has in enumerate(members.T):
            found[:, number] = _columns(features, matrix[train], has[train], matrix[test]).get(True, 0.0)
        return found
    for number, column in _columns(features, matrix[train], members[train].argmax(axis=1), matrix[test]).items():
        found[:, number] = column
    return found


def _columns(features: Features, train: Any, labels: NDArray[Any], test: Any) -> Mapping[Any, Any]:
    """Label -> its probabilities; 1 for a label that is the only one."""
    if (labels == labels[0]).all():
        return {labels[0].item(): 1.0}
    model = LogisticRegression(C=features.c, max_iter=MAX_ITERATIONS).fit(train, labels)
    return dict(zip(model.classes_.tolist(), model.predict_proba(test).T, strict=True))
