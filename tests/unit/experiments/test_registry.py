"""Runs of whole studies: what is one run, shared seeds and encoders, and what is left where corpora are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.reasons import Unavailable
from bertfit.core.errors import UserError
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers.project import STUDY, edited, make, opened, summary


@pytest.fixture(scope="module")
def paper() -> Registry:
    return open_registry({"study": "paper"}, ROOT)


@pytest.fixture(scope="module")
def miniature() -> Registry:
    return open_registry({}, ROOT)


def test_the_same_experiment_is_one_run(paper: Registry, miniature: Registry) -> None:
    """The last layer, head+tail, the base rate, xi = 1: one run in six artefacts."""
    default = RunGroup("imdb", "bert-base", "default")
    shown = [(key, cell.row) for key, cells in paper.cells.items() for cell in cells if cell.run_group == default]
    assert shown == [
        ("table2", "head+tail"), ("table3", "Layer-11"), ("table4", "lr=2.0e-5 xi=1.00"), ("figure4", "BERT-FiT"),
        ("controls", "head+tail, raw [CLS]"), ("markup", "head+tail"),
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
    assert table5["DBPedia", "dbpedia"] == (1, 2, 3, 4), "Table 6 asks for four"


def test_presets(paper: Registry) -> None:
    modern = {cell.row: cell.run_group for cell in paper.cells["controls"]}["modern optimiser"]
    recipe = paper.recipe(modern.recipe)  # type: ignore[union-attr]
    assert (recipe.bias_correction, recipe.clip_by, recipe.schedule) == (True, "global", "continuous")
    assert paper.settings.finetune({"preset": "paper"}) == paper.default


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


def test_runs_are_shared_between_artefacts(project: Path) -> None:
    registry = opened(project)
    recipes = {(run_group.corpus, run_group.recipe): seeds for run_group, seeds in registry.seeds.items()}
    assert recipes == {
        ("imdb", "truncation=head"): [1, 2, 3, 4],
        ("imdb", "default"): [1, 2, 3, 4],  # row `usual` of Table 2 and line `slow` of Figure 2
        ("imdb", "lr=0.0025"): [1, 2, 3, 4],
    }
    assert summary(registry) == "4 cells, 12 distinct runs, 6 jobs, 1 encoders"
    assert [job.path for job in registry.jobs("figure2")][:2] == [
        "runs/imdb/mini/default/seeds1-3",
        "runs/imdb/mini/default/seeds4-4",
    ]


def test_a_corpus_that_cannot_be_had_gives_empty_cells(project: Path) -> None:
    cells = {(cell.row, cell.corpus): cell for cell in opened(project).cells["table2"]}
    assert cells["head", "trec"].status == "not available" and "data folder" in cells["head", "trec"].reason
    (project / "a.csv").touch()
    (project / "b.csv").touch()
    assert opened(project, data=str(project)).unavailable("trec") is None
    left_out = opened(project, data=str(project), corpora="trec").unavailable("imdb")
    assert left_out == Unavailable("left out by --config corpora")


def test_mixes_of_the_paper_and_of_a_study(project: Path) -> None:
    mixes = "mixes: {both: {corpora: [imdb, trec, absent]}, leaky: {corpora: [imdb], text: train+test}}\n"
    edited(project, "config.yaml", "corpora: [imdb, trec]\n", f"corpora: [imdb, trec, absent]\n{mixes}")
    edited(project, "config.yaml", "usual: {}", "usual: {mix: absent}\n      some: {mix: both, steps: x0.5}")
    edited(
        project, "studies/miniature.yaml", "pretrain: {max", "mixes: {leaky: {text: train}}\npretrain: {steps: 30, max"
    )
    registry = opened(project)
    assert registry.settings.study.mixes["leaky"].text == "train"
    cells = {(cell.row, cell.corpus): cell for cell in registry.cells["table2"]}
    some = cells["some", "imdb"]
    assert some.run_group == RunGroup("imdb", "mini~imdb@15.s1", "default"), "of its texts one is there: the own text"
    assert some.note == ""
    assert registry.available_texts("both") == ["imdb"]
    assert cells["usual", "imdb"].reason == "no corpus of the mix absent is available"


def test_leaving_corpora_out_changes_no_mix(project: Path) -> None:
    mixes = "mixes: {both: {corpora: [imdb, general]}}\n"
    (project / "studies/miniature.yaml").write_text(STUDY + mixes)
    (project / "a.csv").touch()
    (project / "b.csv").touch()
    assert opened(project, data=str(project), corpora="trec").available_texts("both") == ["imdb", "general"]


def test_a_pretraining_for_each_seed(project: Path) -> None:
    edited(project, "config.yaml", "usual: {}", "usual: {mix: own}\n      one: {mix: own, pretraining_seed: 7}")
    edited(project, "studies/miniature.yaml", "block: 3", "block: 3\nstage_seeds: each")
    registry = opened(project)
    cells = {(cell.row, cell.corpus): cell for cell in registry.cells["table2"]}
    each, one = cells["usual", "imdb"].run_group, cells["one", "imdb"].run_group
    assert each and each.encoder.endswith(".each") and one and one.encoder.endswith(".s7")
    seeds, stem = registry.seeds[each], each.encoder.removesuffix("each")
    assert len(seeds) > 1 and {f"{stem}s{seed}" for seed in (*seeds, 7)} <= set(registry.encoders)
    assert each.encoder not in registry.encoders and len(registry.blocks[each]) == len(registry.blocks[one])
    with pytest.raises(UserError, match=r"one for each seed, such as 'mini~imdb@\d+k?\.s1'"):
        registry.pretraining(each.encoder)


@pytest.mark.parametrize(
    ("stage_seeds", "declared", "seed"),
    [("one", "", "s1"), ("one", ", seed: 7", "s7"), ("each", "", "each"), ("each", ", seed: 7", "s7")],
)
def test_the_seed_of_multitask_fine_tuning(project: Path, stage_seeds: str, declared: str, seed: str) -> None:
    edited(project, "config.yaml", "usual: {}", "usual: {multitask: two}")
    group = f"multitask: {{two: {{corpora: [imdb, trec]{declared}}}}}"
    edited(project, "studies/miniature.yaml", "block: 3", f"block: 3\nstage_seeds: {stage_seeds}\n{group}")
    (cell,) = [cell for cell in opened(project).cells["table2"] if (cell.row, cell.corpus) == ("usual", "imdb")]
    assert cell.run_group and cell.run_group.encoder == f"mini~mt-two.{seed}"


def test_missing_corpora_are_noted_and_the_same_text_is_one_encoder(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    (tmp_path / "studies/miniature.yaml").write_text((ROOT / "studies/miniature.yaml").read_text())
    gone = (
        "yelp_p: {source: {synthetic: null, unavailable: lost}}, yelp_f: {source: {synthetic: null, unavailable: lost}}"
    )
    texts = "[general, imdb, trec, yahoo, ag, dbpedia, sogou]"
    (tmp_path / "studies/less.yaml").write_text(
        f"extends: miniature\ncorpora: {{{gone}}}\nvocabularies: {{mini: {{texts: {texts}}}}}\n"
    )
    registry = open_registry({"study": "less"}, tmp_path)
    cells = {(cell.row, cell.corpus): cell for cell in registry.cells["table6"]}
    assert cells["BERT-IDPT-FiT", "imdb"].run_group == RunGroup("imdb", "mini~imdb@200.each", "layer_decay=0.95")
    everything = cells["BERT-CDPT-FiT", "imdb"]
    assert everything.note == "pre-training without yelp_p, yelp_f, not available"
    assert registry.cells["table7"][4].note == "multi-task fine-tuning without yelp_p, not available"
    spec = TrainingJobs(registry).pretrain_spec("mini~all@200.s1")
    assert spec.texts == [f"{name}.train.txt" for name in ("imdb", "trec", "yahoo", "ag", "dbpedia")]
