"""Made-up predictions of strategies whose truth is known, and the verdicts on claims about them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.claims import verdicts
from bertfit.claims.claim_schema import Contrast, Question, Runs
from bertfit.experiments.cells import RunGroup

N = 400
LABELS = np.arange(N) % 2


def write(path, wrong, labels=LABELS, first=1, step=40):
    """Predictions of seeds from ``first`` on, wrong at the rows' examples; before the last step all is wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed, examples in enumerate(wrong, first):
        for at, mistaken in ((10, range(len(labels))), (step, examples)):
            said = np.where(np.isin(np.arange(len(labels)), list(mistaken)), 1 - labels, labels)
            rows += [(seed, at, n, labels[n], [float(said[n] == 0), float(said[n] == 1)]) for n in range(len(labels))]
    seed, at, example, label, logits = zip(*rows, strict=True)
    table = {
        "seed": pa.array(seed, pa.int32()),
        "step": pa.array(at, pa.int32()),
        "epoch": pa.array(np.array(at) / 10),
        "example": pa.array(example, pa.int32()),
        "label": pa.array(np.array(label), pa.int32()),
        "logits": pa.array(logits, pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(table), path)


class MadeUpRuns:
    """Runs on made-up corpora, and claims about them."""

    def __init__(self, folder):
        self.folder, self.runs = folder, {}

    def train(self, name, wrong, corpus="imdb", **more):
        key = (corpus, "mini", name)
        path = self.folder / "/".join(key) / "predictions.parquet"
        write(path, wrong, **more)
        self.runs[key] = (RunGroup(*key), path)

    def term(self, weight, name, seeds, corpus="imdb", encoder="mini", constant=False):
        return Runs(weight=weight, corpus=corpus, encoder=encoder, recipe=name, seeds=seeds, constant=constant)

    def contrast(self, *names, kind="better", seeds=(1, 2, 3), margin=2.0, corpora=("imdb",)):
        weights = (1,) if kind == "fails" else (-1, 1, 1, -1)
        columns = [
            [self.term(weight, name, list(seeds), corpus) for weight, name in zip(weights, names, strict=False)]
            for corpus in corpora
        ]
        return Contrast(kind=kind, a=names[0], b="".join(names[1:2]), margin=margin, columns=columns)

    def judge(self, *contrasts, expected=None, published=None, clusters=None):
        paths = []
        if clusters is not None:  # of the test examples of imdb
            paths = [self.folder / "corpora/imdb/clusters.parquet"]
            paths[0].parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"cluster": pa.array(clusters, pa.int32())}), paths[0])
        question = Question(id="claim", sentence="It is | so.", source="Table 2", contrasts=list(contrasts))
        return self.judge_question(question, expected=expected, published=published, clusters=paths)

    def judge_question(self, question, *, expected=None, published=None, clusters=()):
        verdicts.judge(
            [question],
            list(self.runs.values()),
            study="tiny",
            json=self.folder / "claims.json",
            markdown_page=self.folder / "claims.md",
            clusters=clusters,
            expected=expected,
            published=published,
        )
        (record,) = json.loads((self.folder / "claims.json").read_text())
        return record


def make(folder):
    """Four strategies of three seeds: good, the same, bad, and chance."""
    made = MadeUpRuns(folder)
    made.train("good", [range(20), range(1, 21), range(2, 22)])  # 5 % wrong
    made.train("same", [range(1, 21), range(20), range(2, 22)])
    made.train("bad", [range(100), range(2, 102), range(1, 101)])  # 25 % wrong
    made.train("chance", [range(0, N, 2)] * 3)  # always class 1: 50 % wrong
    return made
