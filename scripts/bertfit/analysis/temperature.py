"""Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks"), fitted on validation logits.

A temperature divides the logits: the predictions stay, and probabilities come nearer to the shares that are right.
Shapes: N texts, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

from bertfit.evaluation import calibration

FEWEST = 30
"""validation texts from which on a temperature is fitted"""
BOUNDS = (0.05, 20.0)

Logits = NDArray[np.floating]
Labels = NDArray[np.integer] | NDArray[np.bool_]
"""(N,) classes, or (N, C) booleans where a text has several labels"""


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature; ``reason``: why it is 1 without a fit, or at the end of `BOUNDS`; else empty."""

    value: float
    texts: int
    reason: str = ""


@dataclass(frozen=True)
class Agreement:
    """How well probabilities agree with labels: mean negative log-likelihood, and expected calibration error."""

    nll: float
    ece: float


def fit(logits: Logits, labels: Labels) -> Temperature:
    """The temperature that minimises the negative log-likelihood of ``labels`` given ``logits`` (N, C).

    It is 1, with a reason, where the texts cannot tell: fewer than `FEWEST`, of one class, or all of them right, so
    that the likelihood only grows towards certainty. Raises `ValueError` if shapes differ or a logit is not finite.
    """
    logits = _checked(logits, labels)
    if reason := _why_not(logits, labels):
        return Temperature(1.0, len(labels), reason)
    low, high = np.log(BOUNDS)
    found = minimize_scalar(lambda log_t: nll(logits / np.exp(log_t), labels), bounds=(low, high), method="bounded")
    value = float(np.exp(found.x))
    at_end = min(found.x - low, high - found.x) < 1e-3
    return Temperature(value, len(labels), f"at the end of the range {BOUNDS[0]:g} to {BOUNDS[1]:g}" if at_end else "")


def measure(logits: Logits, labels: Labels, temperature: float = 1.0) -> Agreement:
    """Agreement of the probabilities of logits (N, C), divided by ``temperature``, with ``labels``.

    With several labels a text, each of the N x C probabilities counts. Raises `ValueError` as `fit` does.
    """
    scaled = _checked(logits, labels) / temperature
    if labels.ndim == 2:
        curve = calibration.curve(expit(scaled).ravel(), labels.astype(bool).ravel())
    else:
        curve = calibration.curve(softmax(scaled, axis=1).max(axis=1), scaled.argmax(axis=1) == labels)
    return Agreement(nll(scaled, labels), curve.ece)


def nll(logits: Logits, labels: Labels) -> float:
    """Mean negative log-likelihood of a text's class; of several labels a text the mean binary cross-entropy."""
    if labels.ndim == 2:
        return -float(np.where(labels, log_expit(logits), log_expit(-logits)).mean())
    return -float(log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def _checked(logits: Logits, labels: Labels) -> NDArray[np.float64]:
    shape = labels.shape if labels.ndim == 2 else (len(labels), *logits.shape[1:])
    if logits.ndim != 2 or logits.shape != shape or not np.isfinite(logits).all():
        raise ValueError(f"logits {logits.shape} are not finite, or do not fit labels {labels.shape}")
    return logits.astype(np.float64)


def _why_not(logits: Logits, labels: Labels) -> str:
    """Why no temperature can be fitted; empty if one can."""
    if len(labels) < FEWEST:
        return f"{len(labels)} validation texts, and at least {FEWEST} are needed"
    if labels.ndim == 2:
        right, constant = (logits > 0) == labels, (labels == labels[:1]).all()
    else:
        right, constant = logits.argmax(axis=1) == labels, (labels == labels[0]).all()
    if constant:
        return f"all validation texts {'have the same labels' if labels.ndim == 2 else 'are of one class'}"
    return "all validation texts are classified correctly" if right.all() else ""
