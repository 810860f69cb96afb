"""The data of the page's script: JSON that cannot close its tag, costs in words."""

from __future__ import annotations

import json
from typing import Any

from bertfit.experiments.job_record import ClassifierFacts, JobRecord
from bertfit.report import page_data
from bertfit.report.run_explorer import DoneJob
from helpers import madeup
from helpers.reportdata import EVIL


def test_embedded_json_comes_back_and_cannot_close_its_tag():
    value = {"</script>": [EVIL, "<!-- \u2028 &amp; é"], "n": 1.5}
    text = page_data.embedded(value)
    assert json.loads(text) == value and not set("<>&\u2028\u2029") & set(text)


def job_of(**cost: Any) -> DoneJob:
    record = madeup.record({}) | {"inputs": {"train": {"path": "t", "sha256": "0123456789abcdef" * 4}}}
    record["cost"] |= cost
    return DoneJob("runs/r", JobRecord.model_validate(record))


def test_costs_in_words() -> None:
    one = page_data._cost(job_of(seconds=2.0, tokens=3000, threads=1))
    assert one == {
        "time": "2 s, 1 CPU thread",
        "word_pieces": "3,000, 1,500 per second",
        "memory": "1.0 GB (process)",
    }
    several = page_data._cost(job_of(seconds=185.0, tokens=None, threads=4))
    assert (several["time"], several["word_pieces"]) == ("3 min 5 s, 4 CPU threads", "–")


def test_energy_and_classifier_in_words() -> None:
    energy = {"gpu_kwh": 0.012, "cpu_kwh": 0.003, "gpu_method": "counter", "cpu_method": "RAPL", "estimated": False}
    done = job_of(seconds=2.0, energy={**energy, "cpu_seconds": 1.0})
    assert page_data._cost(done)["energy"] == "15 Wh: GPU 12 Wh (counter), CPU 3 Wh (RAPL)"
    evaluation = {"texts": 40, "tokens": None, "batch_tokens": None, "seconds": 0.1}
    facts = {"parameters": 7000, "bytes": 28_000, "evaluation": evaluation}
    done = DoneJob("runs/r", done.record.model_copy(update={"classifier": ClassifierFacts.model_validate(facts)}))
    assert page_data._cost(done)["classifier"] == "7.0k parameters, 28.0 kB as float32; 2.5 ms a text in batches"


def test_inputs_are_told_by_the_beginning_of_their_digests() -> None:
    assert page_data._inputs(job_of()) == {"train": "0123456789abcdef"}
