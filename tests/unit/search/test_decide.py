"""The jobs of the search: the first round of a corpus, and the winner of the last one."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.study_schema import OwnDataset
from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_json
from bertfit.search import decide, search_record
from bertfit.search.search_record import FinalOption, Round, SearchSpec, Trained
from helpers.evaluations import write_run

OWN = OwnDataset.model_validate({
    "corpus": "texts", "validation": "selection", "rounds": [2],
    "candidates": {
        "words": {"title": "Words", "counts": "words"}, "characters": {"title": "Characters", "counts": "characters"},
        "plain": {"title": "Plain"}, "balanced": {"title": "Balanced", "uneven": True},
    },
})  # fmt: skip
NAMES = list(OWN.candidates)
SPEC = SearchSpec(
    own=OWN,
    runs=[
        Trained(candidate=n, title=n.title(), encoder="base", recipe="r", epochs=2, folder=f"runs/{n}") for n in NAMES
    ],
    finals=[
        FinalOption(candidate=n, epochs=epochs, encoder="base", recipe=f"{epochs:g}", folders=[f"final/{n}/{epochs:g}"])
        for n in NAMES
        for epochs in (1, 2)
    ],
)


def corpus(folder: Path, texts: list[str], classes: dict[str, int]) -> dict[str, Path]:
    """Files of a corpus whose rows have groups."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"text": texts, "label": pa.array([0] * len(texts), pa.int32()), "@group": ["an author"] * len(texts)}
    pq.write_table(pa.table(columns), folder / "train.parquet")
    counts = {"rows": sum(classes.values()), "classes": classes, "empty": 0, "sha256": ""}
    card = {
        "corpus": "selection", "language": "en", "title": "T", "domain": "topic", "note": None,
        "source": {"kind": "part_of", "corpus": "texts", "held_out": 0.2}, "licence": "yours", "sampled": None,
        "leaks_dropped": None, "fields": ["text"], "label_names": list(classes),
        "splits": {"train": counts, "test": counts}, "duplicates_in_train": 0, "test_texts_in_train": 0,
        "texts_of_several_labels": 0,
    }  # fmt: skip
    write_json(folder / "card.json", card)
    return {"train": folder / "train.parquet", "card": folder / "card.json"}


def planned(tmp_path: Path, texts: list[str], classes: dict[str, int], **more: int) -> Round:
    """The first round; ``more``: further entries of the card."""
    out = tmp_path / "search" / "round1.json"
    out.parent.mkdir(parents=True)
    files = corpus(tmp_path / "selection", texts, classes)
    write_json(files["card"], read_json(files["card"]) | more)
    decide.plan_round(SPEC, 1, **files, before=None, out=out)
    return search_record.read_round(out)


def test_even_classes_are_compared_by_error(tmp_path: Path) -> None:
    plan = planned(tmp_path, ["good words"], {"a": 10, "b": 40})
    assert plan.metric == "error" and [run.candidate for run in plan.runs] == ["words", "characters", "plain"]
    assert plan.left_out == {"balanced": "no class has 5 times as many texts as another"}


def test_several_labels_are_compared_by_micro_f1(tmp_path: Path) -> None:
    plan = planned(tmp_path, ["good words"], {"a": 10, "b": 100}, label_sets=3)
    assert plan.metric == "micro_f1" and plan.left_out == {"balanced": "it is for texts with one label each"}


def test_uneven_classes_are_compared_by_macro_f1_and_balanced(tmp_path: Path) -> None:
    plan = planned(tmp_path, ["good words"], {"a": 10, "b": 50})
    assert plan.metric == "macro_f1" and [run.candidate for run in plan.runs] == NAMES


def test_texts_without_words_leave_out_word_counts(tmp_path: Path) -> None:
    plan = planned(tmp_path, ["\U0001f600\U0001f621", "!"], {"a": 10, "b": 10})
    assert plan.left_out["words"] == "the texts have no words of two letters or more"
    assert [run.candidate for run in plan.runs] == ["characters", "plain"]


def of_corpus(root: Path, clusters: tuple[int, ...] = (0, 1, 2, 3)) -> dict[str, Path]:
    """Card of 20 training texts of two classes, and clusters of the four validation texts."""
    files = {"card": corpus(root / "selection", ["good words"], {"a": 10, "b": 10})["card"]}
    files["clusters"] = files["card"].with_name("clusters.parquet")
    pq.write_table(pa.table({"cluster": pa.array(clusters, pa.int32())}), files["clusters"])
    return files


def test_a_training_that_diverged_wins_only_if_all_did(tmp_path: Path) -> None:
    last, out = finished(tmp_path, {"words": [0, 1], "plain": []}), tmp_path / "search" / "choice.json"
    of_plain = tmp_path / "runs/plain/run.json"
    write_json(of_plain, read_json(of_plain) | {"diverged_at": {"1": 3}})
    decide.choose(SPEC, last=last, **of_corpus(tmp_path), out=out)
    choice = search_record.read_choice(out)
    assert choice.winner.candidate == "words" and choice.leads[0].value < 0


def test_texts_of_one_group_count_once_in_a_lead(tmp_path: Path) -> None:
    """Of four texts in two groups, and of four in one group, which tells no more than that they are four."""
    last, out = finished(tmp_path, {"words": [0, 1], "plain": []}), tmp_path / "search" / "choice.json"
    widths = []
    for clusters in ((0, 1, 2, 3), (0, 0, 1, 1), (0, 0, 0, 0)):
        decide.choose(SPEC, last=last, **of_corpus(tmp_path, clusters), out=out)
        (lead,) = search_record.read_choice(out).leads
        widths.append(lead.high - lead.low)
    assert widths[1] > widths[0] == widths[2]


def test_the_learning_curve_has_a_text_of_each_class_at_each_size(tmp_path: Path) -> None:
    """Of 20 texts of two classes, a share of 0.05 holds one, of 0.1 two."""
    finals = [option.model_copy(update={"curve": ["one", "two", "ten"]}) for option in SPEC.finals]
    spec = SPEC.model_copy(update={"finals": finals, "shares": [0.05, 0.1, 0.5]})
    last = finished(tmp_path, {"plain": [0]})
    decide.choose(spec, last=last, **of_corpus(tmp_path), out=tmp_path / "search" / "choice.json")
    assert search_record.read_choice(tmp_path / "search" / "choice.json").final.curve == ["two", "ten"]


def test_pretraining_is_in_the_time_of_a_search_of_one_round(tmp_path: Path) -> None:
    last = finished(tmp_path, {"words": [0, 1], "plain": [1]}, encoder="base~texts@9.s1")
    pretrained = tmp_path / "encoders" / "base~texts@9.s1" / "run.json"
    pretrained.parent.mkdir(parents=True)
    pretrained.write_text(
        (tmp_path / "runs" / "plain" / "run.json").read_text().replace('"seconds": 5', '"seconds": 70')
    )
    decide.choose(SPEC, last=last, **of_corpus(tmp_path), out=tmp_path / "search" / "choice.json")
    choice = search_record.read_choice(tmp_path / "search" / "choice.json")
    assert choice.seconds == 40 + 2 * (5 + 8) + 70


def finished(root: Path, wrong: dict[str, list[int]], patience: int | None = None, encoder: str = "base") -> Path:
    """A last round whose runs err on these of four texts; after half of the epochs as well as at the end."""
    for name, examples in wrong.items():
        folder = root / "runs" / name
        share = 25.0 * len(examples)
        early = examples[:1] if patience else examples
        write_run(
            folder,
            [(1, 10, 25.0 * len(early), None), (1, 20, share, None)],
            {(1, 10): early, (1, 20): examples},
        )
        record = {
            "code": "c", "inputs": {}, "versions": {}, "machine": {"system": "s", "device": "d", "processes": 1},
            "cost": {"seconds": 5, "peak_memory_bytes": {"process": 1}},
            "spec": {"recipe": {"patience": patience, "epochs": 4}},
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(record))
    runs = [run.model_copy(update={"encoder": encoder if run.candidate == "plain" else "base"}) for run in SPEC.runs
            if run.candidate in wrong]  # fmt: skip
    plan = Round(
        number=1, metric="error", runs=runs, left_out={"x": "why"}, measured=[], budget=900, seconds=40
    )  # fmt: skip
    (root / "search").mkdir(parents=True, exist_ok=True)
    write_json(root / "search" / "round1.json", plan.model_dump(mode="json"))
    return root / "search" / "round1.json"


def test_the_lowest_validation_error_wins_and_the_cheaper_of_equal_ones(tmp_path: Path) -> None:
    last = finished(tmp_path, {"words": [0, 1], "characters": [2], "plain": [1]})
    decide.choose(SPEC, last=last, **of_corpus(tmp_path), out=tmp_path / "search" / "choice.json")
    choice = search_record.read_choice(tmp_path / "search" / "choice.json")
    assert choice.winner.candidate == "characters" and choice.winner.error == 0.25
    assert choice.final.folders == ["final/characters/2"] and choice.texts == 4
    assert [(lead.candidate, lead.value) for lead in choice.leads] == [("plain", 0), ("words", 0.25)]
    assert choice.leads[1].low < 0.25 < choice.leads[1].high and choice.left_out == {"x": "why"}
    assert choice.seconds == 40 + 3 * (5 + 8)


def test_a_training_that_stopped_early_is_trained_as_long_as_it_got_better(tmp_path: Path) -> None:
    """Its best evaluation was after one of two epochs (`helpers.evaluations` has ten steps an epoch)."""
    last = finished(tmp_path, {"plain": [0, 1]}, patience=2)
    decide.choose(SPEC, last=last, **of_corpus(tmp_path), out=tmp_path / "search" / "choice.json")
    choice = search_record.read_choice(tmp_path / "search" / "choice.json")
    assert (choice.winner.error, choice.winner.ended, choice.epochs) == (0.25, 1, 1)
    assert choice.final.folders == ["final/plain/1"]


def test_without_any_run_nothing_is_chosen(tmp_path: Path) -> None:
    last = finished(tmp_path, {})
    with pytest.raises(UserError, match="no candidate was trained; raise the budget"):
        decide.choose(SPEC, last=last, **of_corpus(tmp_path), out=tmp_path / "search" / "choice.json")


def test_a_part_of_an_epoch_is_rounded_up_to_a_step_and_trained_as_declared(tmp_path: Path) -> None:
    """A recipe of 1.9 epochs ends after 2, as steps are whole; the winner's last training has 1.9 again."""
    runs = [run.model_copy(update={"epochs": 1.9}) for run in SPEC.runs]
    finals = [
        FinalOption(candidate="plain", epochs=epochs, encoder="base", recipe="r", folders=[f"final/{epochs:g}"])
        for epochs in (1.0, 1.9, 4.0)
    ]
    last = finished(tmp_path, {"plain": [0]})
    plan = search_record.read_round(last)
    only = [run.model_copy(update={"epochs": 1.9}) for run in plan.runs]
    write_json(last, plan.model_copy(update={"runs": only}).model_dump(mode="json"))
    spec = SearchSpec(own=OWN, runs=runs, finals=finals)
    decide.choose(spec, last=last, **of_corpus(tmp_path), out=tmp_path / "search" / "choice.json")
    choice = search_record.read_choice(tmp_path / "search" / "choice.json")
    assert (choice.winner.ended, choice.epochs, choice.final.folders) == (2.0, 1.9, ["final/1.9"])


def test_what_the_end_of_the_search_needs_is_missed_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "PACKAGES", ("numpy", "no-such-package"))
    with pytest.raises(UserError, match=r"not installed: no-such-package; pip install -r requirements-classify\.txt"):
        planned(tmp_path, ["good words"], {"a": 10, "b": 40})
    assert not (tmp_path / "search/round1.json").exists()
