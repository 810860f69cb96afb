"""What further pre-training forgets: the losses of run.json, in every form."""

import json

import pandas as pd
import pytest

from bertfit.artefacts import forgetting
from bertfit.artefacts.table_rendering import TableFiles
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import ForgettingSpec, PretrainedEncoder
from helpers import madeup

ARTEFACT = Artefact(
    kind="forgetting", number="Forgetting", title="Forgetting", caption="Losses.", section="4.2", columns={}
)
LOSSES = {"mini~imdb@300.s1": (2.5, 3.125), "mini~ag@300.s1": (2.5, 2.25), "mini~trec@20.s1": (None, 5.0)}


def encoder(folder, name, mix, steps, title="Mini", **changes):
    record = folder / f"encoders/{name}/run.json"
    values = {"encoder": name, "title": title, "mix": mix, "steps": steps, "records": [str(record)]}
    return PretrainedEncoder(**values | changes)


def build(folder, encoders, losses=LOSSES):
    for name, pair in losses.items():
        path = folder / f"encoders/{name}/run.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = None if pair is None else dict(zip(("before", "after"), pair, strict=True))
        path.write_text(json.dumps(madeup.record({}) | {"steps": 9, "held_out_mlm_loss": content}))
    files = {form: folder / "tables" / f"forgetting.{form}" for form in ("csv", "md", "tex", "html")}
    spec = ForgettingSpec(key="forgetting", artefact=ARTEFACT, study="s", comparable=False, encoders=encoders)
    forgetting.build(spec, files=TableFiles(**files))
    return {form: path.read_text(encoding="utf-8") for form, path in files.items()}


def three(folder):
    return [
        encoder(folder, "mini~imdb@300.s1", "IMDb", 300),
        encoder(folder, "mini~ag@300.s1", "AG", 1300),
        encoder(folder, "mini~trec@20.s1", "TREC", 20),
    ]


def test_values(tmp_path):
    made = build(tmp_path, three(tmp_path))
    assert made["csv"].splitlines() == [
        "row,encoder,mix,steps,n,before,after,change,std,status,reason",
        "IMDb,mini~imdb@300.s1,IMDb,300,1,2.5000,3.1250,0.6250,,ok,",
        "AG,mini~ag@300.s1,AG,1300,1,2.5000,2.2500,-0.2500,,ok,",
        "TREC,mini~trec@20.s1,TREC,20,1,,5.0000,,,ok,",
    ]
    rows = [line for line in made["md"].splitlines() if line.startswith("|")]
    assert rows[0] == "| pre-trained on | Steps | Before | After | Change |"
    assert rows[2:] == [
        "| IMDb | 300 | 2.500 | 3.125 | +0.625 |",
        "| AG | 1,300 | 2.500 | 2.250 | −0.250 |",
        "| TREC | 20 | – | 5.000 | – |",
    ]
    assert "- –: the heads were newly initialised" in made["md"]
    assert "AG & 1,300 & 2.500 & 2.250 & $-$0.250 \\\\" in made["tex"]
    assert 'href="../encoders/mini~imdb%40300.s1/run.json">IMDb</a>' in made["html"]
    assert build(tmp_path, three(tmp_path)) == made


def test_the_mean_of_several_seeds(tmp_path):
    losses = {f"mini~imdb@300.s{seed}": (2.5, after) for seed, after in ((1, 3.0), (2, 3.5), (3, 4.0))}
    records = [str(tmp_path / f"encoders/{name}/run.json") for name in losses]
    made = build(tmp_path, [encoder(tmp_path, "mini~imdb@300.each", "IMDb", 300, records=records)], losses)
    assert made["csv"].splitlines()[1] == "IMDb,mini~imdb@300.each,IMDb,300,3,2.5000,3.5000,1.0000,0.5000,ok,"
    assert "| IMDb | 300 | 2.500 | 3.500 ± 0.500 | +1.000 |" in made["md"]
    assert "between the seeds of pre-training" in made["md"]
    build(tmp_path, [], {"mini~imdb@300.s2": None})
    assert "not available" in build(tmp_path, [encoder(tmp_path, "e", "IMDb", 300, records=records)], {})["md"]


def test_no_note_on_new_heads_without_any(tmp_path):
    assert "newly initialised" not in build(tmp_path, three(tmp_path)[:2])["md"]


def test_encoders_of_one_name_are_told_apart(tmp_path):
    made = build(
        tmp_path,
        [
            encoder(tmp_path, "mini~imdb@300.s1", "IMDb", 300),
            encoder(tmp_path, "mini~ag@300.s1", "IMDb", 300),
            encoder(tmp_path, "mini~trec@20.s1", "IMDb", 300, title="Large"),
        ],
    )
    rows = [line.split(" | ")[0] for line in made["md"].splitlines() if line.startswith("|")][2:]
    assert rows == ["| *Mini*", "| IMDb (mini~imdb@300.s1)", "| IMDb (mini~ag@300.s1)", "| *Large*", "| IMDb"]


def test_what_is_not_there(tmp_path):
    unmeasured = encoder(tmp_path, "mini~ag@300.s1", "AG", 9)
    made = build(tmp_path, [unmeasured], losses={"mini~ag@300.s1": None})
    frame = pd.read_csv(tmp_path / "tables/forgetting.csv")
    assert frame["status"].tolist() == ["not available"] and frame["after"].isna().all()
    assert "| AG | 9 | – | not available | – |" in made["md"]
    assert "- AG: not available; the study declares no held-out text\n" in made["md"]
    assert build(tmp_path, [])["csv"] == "row,encoder,mix,steps,n,before,after,change,std,status,reason\n"


@pytest.mark.parametrize("text", [None, "{", "{}", 'RECORD, "held_out_mlm_loss": {"before": 1}}', "RECORD}", "[]"])
def test_a_broken_record_is_named(tmp_path, text):
    mine = encoder(tmp_path, "mini~imdb@300.s1", "IMDb", 300)
    if text is not None:
        text = text.replace("RECORD", json.dumps(madeup.record({}) | {"steps": 9})[:-1])
        path = tmp_path / "encoders/mini~imdb@300.s1/run.json"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    with pytest.raises(UserError, match=r"mini~imdb@300\.s1/run\.json: not the record of a job .* run again"):
        build(tmp_path, [mine], losses={})
