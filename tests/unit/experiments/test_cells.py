"""Cells of the artefacts of whole studies: what is one run, and what an encoder or a corpus cannot have."""

from __future__ import annotations

import pytest

from bertfit.config.hyperparameters import Finetune, fitted, share, too_small
from bertfit.config.reasons import NotApplicable
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT


@pytest.fixture(scope="module")
def paper() -> Registry:
    return open_registry({"study": "paper"}, ROOT)


@pytest.fixture(scope="module")
def miniature() -> Registry:
    return open_registry({}, ROOT)


@pytest.mark.parametrize(
    ("layers", "depth", "expected"),
    [
        ("5", 6, "last"), ("4", 6, "4"), ("6", 6, None), ("11", 12, "last"), ("last1", 6, "last"), ("first1", 6, "0"),
        ("first4", 4, "all"), ("last4", 4, "all"), ("last4", 6, "last4"), ("first7", 6, None), ("all", 6, "all"),
        ("all", 1, "last"), ("0", 1, "last"), ("last", 3, "last"),
    ],
)  # fmt: skip
def test_names_of_the_same_layers_are_one(layers: str, depth: int, expected: str | None) -> None:
    fitting = fitted(Finetune(layers=layers, combine="max"), depth)
    if expected is None:
        assert fitting == NotApplicable(f"the encoder has {depth} layers")
    else:
        assert isinstance(fitting, Finetune) and fitting.layers == expected
        assert fitting.combine == ("concat" if expected in ("last", "4", "0") else "max"), "one layer is not combined"


def test_more_layers_than_there_are_cannot_be_frozen() -> None:
    assert "7 cannot be frozen" in str(fitted(Finetune(frozen=7), 6))


@pytest.mark.parametrize(
    ("recipe", "rows", "classes", "reason"),
    [
        (Finetune(fraction=0.004), 25_000, 2, None),
        (Finetune(fraction=0.004), 400, 14, "2 of 400 examples are fewer than one for each of 14 classes"),
        (Finetune(examples=500), 400, 2, "the training set has 400 examples"),
        (Finetune(examples=14), None, 14, None),
        (Finetune(), 3, 14, None),
    ],
)
def test_sizes_that_cannot_be_trained_on(recipe: Finetune, rows: int | None, classes: int, reason: str | None) -> None:
    assert too_small(recipe, rows, classes) == (NotApplicable(reason) if reason else None)


def test_share_in_percent() -> None:
    assert share(Finetune(fraction=0.004), None) == 0.4
    assert share(Finetune(examples=100), 25_000) == 0.4 and share(Finetune(examples=100), None) is None


def test_the_same_experiment_is_one_run(paper: Registry, miniature: Registry) -> None:
    """The last layer, head+tail, the base rate, xi = 1: one run in seven artefacts."""
    default = RunGroup("imdb", "bert-base", "default")
    shown = [(key, cell.row) for key, cells in paper.cells.items() for cell in cells if cell.run_group == default]
    assert shown == [
        ("table2", "head+tail"), ("table3", "Layer-11"), ("table4", "lr=2.0e-5 xi=1.00"), ("figure4", "BERT-FiT"),
        ("controls", "head+tail, raw [CLS]"),
    ]  # fmt: skip
    rows = {cell.row: cell for cell in miniature.cells["table3"]}
    assert rows["Layer-5"].run_group == RunGroup("imdb", "mini", "default")
    assert [row for row, cell in rows.items() if cell.status == "not applicable"] == [
        f"Layer-{i}" for i in range(6, 12)
    ]
    assert rows["Layer-6"].reason == "the encoder has 6 layers"


def test_layer_decay_of_every_artefact(paper: Registry) -> None:
    """1.00 in Tables 2 and 3, Figure 2, BERT-FiT of Figure 4 and on Sogou; 0.95 in Tables 5 to 8 and Figure 3."""

    def decays(key: str, corpus: str | None = None, row: str | None = None) -> set[float]:
        cells = [c for c in paper.cells[key] if corpus in (None, c.corpus) and row in (None, c.row) and c.run_group]
        known = [c for c in cells if c.run_group and c.run_group.encoder != "tfidf" and "Feat" not in c.row]
        return {paper.recipe(c.run_group.recipe).layer_decay for c in known if c.run_group}

    assert decays("table2") == decays("table3") == decays("figure2") == decays("figure4", row="BERT-FiT") == {1.0}
    assert decays("table5") == decays("table7") == decays("table8") == decays("figure3") == {0.95}
    assert decays("table6", "imdb") == decays("figure4", row="BERT-ITPT-FiT") == {0.95}


def test_rows_of_table_6(paper: Registry) -> None:
    cells = {(cell.row, cell.corpus): cell for cell in paper.cells["table6"]}
    assert {cell.status for (row, _), cell in cells.items() if "et al." in row or "Ruder" in row} == {"quoted"}
    trained = {row: cells[row, "trec"].run_group for row in ("TF-IDF + linear", "BERT-IDPT-FiT", "BERT-CDPT-FiT")}
    assert trained == {
        "TF-IDF + linear": RunGroup("trec", "tfidf", "default"),
        "BERT-IDPT-FiT": RunGroup("trec", "bert-base~all_question@100k.s1", "layer_decay=0.95"),
        "BERT-CDPT-FiT": RunGroup("trec", "bert-base~all@100k.s1", "layer_decay=0.95"),
    }
    table5 = {(cell.row, cell.corpus): cell.run_group for cell in paper.cells["table5"]}
    assert table5["all question", "trec"] == trained["BERT-IDPT-FiT"]
    feat = cells["BERT-Feat", "imdb"].run_group
    assert feat and feat.recipe == "bias_correction=true+classifier=bilstm+lr=0.001+weight_decay=0"


def test_lineages_of_tables_7_and_8(paper: Registry) -> None:
    encoders = {cell.row: cell.run_group.encoder for cell in paper.cells["table7"] if cell.run_group}
    assert encoders["BERT-CDPT-MFiT-FiT"] == "bert-base~all@100k.s1~mt-four.s1"
    assert {paper.recipe(c.run_group.recipe).lr for c in paper.cells["table7"] if "MFiT" in c.row and c.run_group} == {
        1e-5
    }
    large = [
        cell.run_group.encoder for cell in paper.cells["table8"] if cell.row == "BERT_LARGE + ITPT" and cell.run_group
    ]
    assert large[0] == "bert-large~imdb@120k.s1"
    pretrain, mix, seed = paper.pretraining(large[0])
    assert (pretrain.steps, pretrain.batch_size, pretrain.warmup, mix, seed) == (120_000, 24, 0.1, "imdb", 1)
    assert "bert-base~mt-four.s1" in TrainingJobs(paper).multitasked


def test_encoders_saved_from_one_run_share_it(paper: Registry) -> None:
    jobs = TrainingJobs(paper)
    end = "bert-base~imdb@100k.s1"
    assert jobs.saves == {end: {s * 1000: f"bert-base~imdb@{s}kof100k.s1" for s in (10, 20, 50)}}
    assert end not in jobs.alone and "bert-base~imdb@10k.s1" in jobs.alone, "Figure 3 has runs of their own"
    assert jobs.pretrain_spec(end).saves[10_000] == "bert-base~imdb@10kof100k.s1"
    assert paper.pretraining("bert-base~imdb@10kof100k.s1")[0].steps == 100_000


def test_few_shot_sizes(paper: Registry, miniature: Registry) -> None:
    sizes = [(cell.size, cell.share) for cell in paper.cells["figure4"] if cell.row == "BERT-FiT"]
    assert sizes[0] == ("0.4", 0.4) and sizes[-1] == ("100", 100) and len(sizes) == 10
    assert all(cell.status == "ok" for cell in miniature.cells["figure4"])


def test_a_run_shows_the_same_seeds_everywhere(miniature: Registry) -> None:
    seeds: dict = {}
    for cells in miniature.cells.values():
        for cell in cells:
            if cell.run_group:
                assert seeds.setdefault(cell.run_group, cell.seeds) == cell.seeds
    table5 = {(cell.row, cell.corpus): cell.seeds for cell in miniature.cells["table5"]}
    assert table5["IMDb", "imdb"] == (1, 2, 3, 4, 5), "Table 6 asks for five"


def test_presets(paper: Registry) -> None:
    modern = {cell.row: cell.run_group for cell in paper.cells["controls"]}["modern optimiser"]
    recipe = paper.recipe(modern.recipe)  # type: ignore[union-attr]
    assert (recipe.bias_correction, recipe.clip_by, recipe.schedule) == (True, "global", "continuous")
    assert paper.settings.finetune({"preset": "paper"}) == paper.default
