"""Results as lm-evaluation-harness writes them: ``results_*.json`` for each run, and ``samples_*.jsonl``.

Keys and their meaning are those of version 0.4.13 (lm_eval/result_schema.py), in which each may be missing. Those that
the records do not know are: git_hash, lm_eval_version, start and end of the evaluation, and the date if none is given.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bertfit.evaluation.predictions import Evaluation, sigmoid, softmax
from bertfit.exchange.kept_files import write_new
from bertfit.exchange.study_records import SeedRun, Selection
from bertfit.statistics import bootstrap, metrics

FILTER = "none"
NOT_KNOWN = "N/A"
METRICS = {"acc": True, "error_rate": False, "macro_f1": True, "mcc": True}
"""metric -> whether higher is better; shares of 1, Matthews from -1"""
LONGEST_NAME = 200  # characters of a folder


def export(
    runs: Sequence[SeedRun],
    folder: Path,
    *,
    selection: Selection = "last",
    date: datetime | None = None,
    predictions: bool = False,
) -> int:
    """Write ``folder/<model>/results_<id>.json`` for each of ``runs``; returns their number.

    ``<id>`` is ``date`` as the harness writes it, or a part of the run's digest. With ``predictions`` also
    ``samples_<corpus>_<id>.jsonl``: log-probabilities of all classes of each test example, without its text.

    Raises `UserError` where a file is there with other content, such as that of another ``selection``.
    """
    for run in runs:
        texts: dict[Path, str] = {}
        evaluation = run.evaluation(selection)
        content = results(run, selection, evaluation, date)
        out = folder / _folder_name(content["model_name_sanitized"])
        name = _date_id(date) if date else run.digest[:16]
        if predictions:
            lines = list(samples(run, evaluation))
            hashes = "".join(line["doc_hash"] + line["prompt_hash"] + line["target_hash"] for line in lines)
            content["task_hashes"] = {run.run_group.corpus: _hash(hashes)}
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            texts[out / f"samples_{run.run_group.corpus}_{name}.jsonl"] = text
        texts[out / f"results_{name}.json"] = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_new(texts)
    return len(runs)


def results(run: SeedRun, selection: Selection, evaluation: Evaluation, date: datetime | None = None) -> dict[str, Any]:
    """The content of ``results_*.json``: one task, the corpus, without examples in the prompt."""
    task, record, names = run.run_group.corpus, run.record, run.run_group
    row = run.scores[selection]
    values = {
        "acc": 1 - row["error"] / 100,
        "error_rate": row["error"] / 100,
        "macro_f1": row["macro_f1"],
        "mcc": row["mcc"],
    }
    known = {name: float(value) for name, value in values.items() if pd.notna(value)}
    errors = standard_errors(row, evaluation)
    scores = {
        key: value
        for name in known
        for key, value in ((f"{name},{FILTER}", known[name]), (f"{name}_stderr,{FILTER}", errors[name]))
    }
    sampled = (run.card.sampled or {}).get("test")
    examples = int(row["n"])
    model = f"{run.study}/{run.name}"
    return {
        "results": {task: {"name": task, "alias": run.card.title, "sample_len": examples, **scores}},
        "group_subtasks": {task: []},
        "configs": {task: _task_config(run, selection, list(known))},
        "versions": {task: run.card.splits["test"].sha256[:16]},
        "n-shot": {task: 0},
        "higher_is_better": {task: {name: METRICS[name] for name in known}},
        "n-samples": {task: {"original": sampled.of if sampled else examples, "effective": examples}},
        "config": {
            "model": "bertfit",
            "model_args": {"pretrained": names.encoder, "recipe": names.recipe, "seed": run.seed},
            **({"model_num_parameters": record.encoder.parameters} if record.encoder else {}),
            "model_sha": run.digest,
            "batch_size": None,
            "batch_sizes": [],
            "device": record.machine.device,
            "use_cache": None,
            "limit": examples if sampled else None,
            "bootstrap_iters": bootstrap.RESAMPLES,
            "gen_kwargs": None,
            "random_seed": run.seed,
        },
        **({"date": date.timestamp()} if date else {}),
        "pretty_env_info": "\n".join(_environment(run)),
        **({"transformers_version": record.versions["transformers"]} if "transformers" in record.versions else {}),
        "task_hashes": {},
        "model_source": "bertfit",
        "model_name": model,
        "model_name_sanitized": sanitized(model),
        "system_instruction": None,
        "system_instruction_sha": None,
        "fewshot_as_multiturn": None,
        "chat_template": None,
        "chat_template_sha": None,
    }


def standard_errors(row: Mapping[str, Any], evaluation: Evaluation) -> dict[str, float | str]:
    """Metric -> standard error over test examples, as the harness computes it; ``N/A`` where it is not known.

    Of a share it is the sample standard deviation of 0 and 1 over the root of their number (``mean_stderr``), of the
    others the standard deviation over resampled examples. These are not resampled where a text has several labels.
    """
    examples, share = int(row["n"]), float(row["error"]) / 100
    if examples < 2:
        return dict.fromkeys(METRICS, NOT_KNOWN)
    of_share = sqrt(share * (1 - share) / (examples - 1))
    found: dict[str, float | str] = dict.fromkeys(METRICS, NOT_KNOWN)
    found |= {"acc": of_share, "error_rate": of_share}
    if evaluation.sets is None:
        for name in ("macro_f1", "mcc"):
            _, resampled = bootstrap.metric(
                evaluation.predicted[None], evaluation.labels, evaluation.logits.shape[1], metrics.MEASURES[name]
            )
            found[name] = float(np.std(resampled, ddof=1))
    return found


def samples(run: SeedRun, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """The lines of ``samples_*.jsonl``, one a test example, as of a task of output type multiple_choice.

    The records hold no texts: ``doc`` says which row it is, and the context of an argument is empty.
    """
    classes = run.card.label_names
    probabilities = (softmax if evaluation.sets is None else sigmoid)(evaluation.logits)
    chosen = (
        evaluation.logits.argmax(1)[:, None] == np.arange(len(classes)) if evaluation.sets is None
        else probabilities >= 0.5
    )  # fmt: skip
    with np.errstate(divide="ignore"):
        logarithms = np.log(probabilities)
    members, right = evaluation.members, evaluation.predicted == evaluation.labels
    arguments = {f"gen_args_{number}": {"arg_0": "", "arg_1": name} for number, name in enumerate(classes)}
    for example in range(len(evaluation.labels)):
        doc = {"corpus": run.run_group.corpus, "split": "test", "row": example}
        target = ";".join(name for name, member in zip(classes, members[example], strict=True) if member)
        answers = [
            [str(value), str(bool(best))] for value, best in zip(logarithms[example], chosen[example], strict=True)
        ]
        yield {
            "doc_id": example,
            "doc": doc,
            "target": target,
            "arguments": arguments,
            "resps": [[answer] for answer in answers],
            "filtered_resps": answers,
            "filter": FILTER,
            "metrics": ["acc"],
            "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
            "prompt_hash": _hash(""),
            "target_hash": _hash(target),
            "acc": float(right[example]),
        }


def sanitized(name: str) -> str:
    """A model's name as the harness makes a folder of it (``lm_eval.utils.sanitize_model_name``)."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name)


def _folder_name(name: str) -> str:
    """A name that a file system takes: a long one ends with a digest of the whole."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 17]}-{_hash(name)[:16]}"


def _date_id(date: datetime) -> str:
    """A time in the name of a file, as the harness writes it, in UTC."""
    return date.astimezone(UTC).replace(tzinfo=None).isoformat().replace(":", "-")


def _task_config(run: SeedRun, selection: Selection, names: Sequence[str]) -> dict[str, Any]:
    source = run.card.source
    hub = source if source.kind == "hub" else None
    return {
        "task": run.run_group.corpus,
        "dataset_path": hub.dataset if hub else source.kind,
        **({"dataset_name": hub.config} if hub and hub.config else {}),
        "test_split": "test",
        "output_type": "multiple_choice",
        "num_fewshot": 0,
        "metric_list": [
            {"metric": name, "aggregation": "mean" if name in ("acc", "error_rate") else name,
             "higher_is_better": METRICS[name]}
            for name in names
        ],
        "metadata": {
            "version": run.card.splits["test"].sha256[:16],
            "revision": hub.revision if hub else None,
            "evaluation": selection,
            "step": int(run.scores[selection]["step"]),
            "training": run.settings,
            "training_code": run.record.code,
            "artefacts": list(run.artefacts),
        },
    }  # fmt: skip


def _environment(run: SeedRun) -> Iterator[str]:
    yield f"OS: {run.record.machine.system}"
    yield f"Device: {run.record.machine.device} (processes: {run.record.machine.processes})"
    yield from (f"{name}: {number}" for name, number in run.record.versions.items())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
