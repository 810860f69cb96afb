"""Logistic regressions of a sparse matrix: one of all classes, or, with several labels a text, one for each class.

Shapes: R texts, F features, C classes, K classes that the training texts have.
"""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

log = logging.getLogger(__name__)

ClassWeights = Literal["none", "balanced"]

C = 10.0  # inverse of the L2 penalty; best of 1, 3, 10, 30 on a held-out part of IMDb's training set
MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class LinearModel:
    """Weights (K, F) and intercepts (K,) of the ``classes`` (K,); two classes of one label a text share one row."""

    weights: npt.NDArray[np.float32]
    intercepts: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int32]
    iterations: int = 0
    """of L-BFGS, the most that a regression took"""

    def decisions(self, matrix: csr_matrix) -> npt.NDArray[np.float32]:
        """(R, K) scores, or (R, 1) where two classes share a row."""
        return matrix @ self.weights.T + self.intercepts

    def one_label(self, matrix: csr_matrix, classes: int) -> npt.NDArray[np.float32]:
        """(R, C) logits of which the largest is the answer: the decision scores.

        The only score s of two classes becomes -s/2 and s/2, which have the same softmax. A class that no training text
        has gets less than all others.
        """
        found = self.decisions(matrix)
        if found.shape[1] == 1:
            found = np.concatenate([-found / 2, found / 2], axis=1)
        logits = np.repeat(found.min(axis=1, keepdims=True) - 1, classes, axis=1)
        logits[:, self.classes] = found
        return logits

    def several_labels(self, matrix: csr_matrix) -> npt.NDArray[np.float32]:
        """(R, C) log odds: a text has each class whose logit is at least 0."""
        return self.decisions(matrix)


def fit_one_label(matrix: csr_matrix, labels: npt.NDArray[np.int32], weights: ClassWeights = "none") -> LinearModel:
    """Multinomial logistic regression of the class numbers ``labels`` (R,).

    ``weights``: ``balanced`` gives each class the same share of the loss.
    """
    model = _fit(matrix, labels, weights)
    return LinearModel(model.coef_, model.intercept_, model.classes_, int(model.n_iter_.max()))


def fit_several_labels(
    matrix: csr_matrix, members: npt.NDArray[np.bool_], weights: ClassWeights = "none"
) -> LinearModel:
    """For each class a logistic regression of whether a text has it; ``members`` (R, C).

    A class that no text has, or all have, gets the log odds of half a text for and against it in addition.
    """
    size, classes = members.shape
    rows = np.zeros((classes, matrix.shape[1]), np.float32)
    intercepts = np.zeros(classes, np.float32)
    iterations = 0
    for number, member in enumerate(members.T):
        have = int(member.sum())
        if have in (0, size):
            intercepts[number] = math.log((have + 0.5) / (size - have + 0.5))
            continue
        model = _fit(matrix, member, weights)
        rows[number], intercepts[number] = model.coef_[0], model.intercept_[0]
        iterations = max(iterations, int(model.n_iter_.max()))
    return LinearModel(rows, intercepts, np.arange(classes, dtype=np.int32), iterations)


def _fit(matrix: csr_matrix, labels: npt.NDArray, weights: ClassWeights) -> LogisticRegression:
    """By L-BFGS, which starts from zero and is deterministic."""
    model = LogisticRegression(
        C=C, solver="lbfgs", max_iter=MAX_ITERATIONS, class_weight=None if weights == "none" else weights
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(matrix, labels)
    for warning in caught:
        log.warning("%s", str(warning.message).splitlines()[0])
    return model
