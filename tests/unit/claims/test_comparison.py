"""The runs of each comparison of a claim, or why there are none."""

import pytest

from bertfit.claims import comparison
from bertfit.experiments.registry import open_registry
from conftest import ROOT
from helpers.claim_files import ONE, contrasts, make_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return make_registry(tmp_path_factory.mktemp("workflow"))


def terms(column):
    return [(runs.weight, runs.encoder, runs.recipe) for runs in column]


def test_rows_and_columns_make_a_comparison_each(tmp_path, registry):
    found = contrasts(tmp_path, registry, ONE)
    assert [(one.a, one.b, one.columns[0][0].corpus) for one in found] == [
        ("head+tail", "head-only", "imdb"),
        ("head+tail", "head-only", "sogou"),
        ("head+tail", "tail-only", "imdb"),
        ("head+tail", "tail-only", "sogou"),
    ]
    longer = "evaluate_every=160+steps=160"  # of Table 2 in this study
    assert terms(found[0].columns[0]) == [(-1, "mini", longer), (1, "mini", f"{longer}+truncation=head")]
    assert {one.margin for one in found} == {2}


def test_the_mean_over_columns_is_one_comparison(tmp_path, registry):
    found = contrasts(tmp_path, registry, ONE.replace("    compare:", "    over: mean\n    compare:"))
    assert [[column[0].corpus for column in one.columns] for one in found] == [["imdb", "sogou"]] * 2
    assert [one.missing for one in found] == [0, 0]


def test_a_mean_counts_what_it_goes_without_but_not_what_does_not_apply(tmp_path):
    text = ONE.replace("    compare:", "    over: mean\n    compare:")
    (head, _) = contrasts(tmp_path, open_registry({"corpora": "imdb"}, ROOT), text)
    assert (head.corpora, head.missing) == (["imdb"], 1)
    assert head.reason == "sogou: not available (left out by --config corpora)"
    text = text.replace("table2, row: head+tail", "table6, row: BERT-IDPT-FiT").replace(
        "[head-only, tail-only]", "BERT-FiT"
    )
    (found,) = contrasts(tmp_path, open_registry({}, ROOT), text)
    assert "sogou" not in found.corpora and len(found.corpora) == 7
    assert (found.missing, found.reason) == (0, "")
    # nor does it count as lost where the corpus is unavailable either
    (found,) = contrasts(tmp_path, open_registry({"study": "paper"}, ROOT), text)
    assert (len(found.corpora), found.missing) == (7, 0)


def test_where_the_paper_has_its_numbers(tmp_path, registry):
    (found, *_) = contrasts(tmp_path, registry, ONE)
    assert [runs.paper for runs in found.columns[0]] == [
        ("table2", "head+tail", "IMDb"),
        ("table2", "head-only", "IMDb"),
    ]
    text = ONE.replace("table2, row: head+tail", "figure3, row: 100k").replace("[head-only, tail-only]", "20k")
    (found,) = contrasts(tmp_path, registry, text)
    row = "BERT-ITPT-FiT (IMDb)"
    assert [runs.paper for runs in found.columns[0]] == [
        ("figure3", row, f"{steps} thousand further pre-training steps") for steps in (100, 20)
    ]
    text = ONE.replace("table2, row: head+tail", "figure4, row: BERT-ITPT-FiT, size: '10'")
    (found,) = contrasts(tmp_path, registry, text.replace("[head-only, tail-only]", "BERT-FiT"))
    assert found.columns[0][0].paper == ("figure4", "BERT-ITPT-FiT", "10% of the IMDb training examples")
    # the last of six layers is not the paper's sixth
    text = ONE.replace("table2, row: head+tail", "table3, row: last").replace("[head-only, tail-only]", "Layer-0")
    (found,) = contrasts(tmp_path, registry, text)
    assert [runs.paper for runs in found.columns[0]] == [None, ("table3", "Layer-0", "IMDb")]


def test_where_nothing_applies_there_is_a_reason(tmp_path, registry):
    depth = registry.base("mini").depth
    text = ONE.replace("table2, row: head+tail", "table3, row: last").replace("[head-only, tail-only]", "Layer-11")
    (found,) = contrasts(tmp_path, registry, text)
    assert not found.columns
    assert found.reason == f"table3, Layer-11, imdb: not applicable (the encoder has {depth} layers)"


def test_what_the_study_leaves_out_is_a_reason(tmp_path, registry):
    text = ONE.replace("table2, row: head+tail", "figure3, row: 100k").replace("[head-only, tail-only]", "[0, 1k]")
    found = contrasts(tmp_path, registry, text.replace("[0,", '["0",'))
    assert [bool(one.columns) for one in found] == [True, False]
    assert found[1].reason == "figure3, 1k, imdb: not part of this study"
    cpu = open_registry({"study": "compact-cpu"}, ROOT)
    assert "figure3" not in cpu.artefacts
    reasons = {one.reason for one in contrasts(tmp_path, cpu, text.replace("[0,", '["0",'))}
    assert reasons == {"figure3 is not part of this study"}


def test_sizes_and_gains(tmp_path, registry):
    text = ONE.replace("    compare:", "    kind: larger gain\n    compare:").replace(
        "[head-only, tail-only]", "BERT-FiT"
    )
    text = text.replace("table2, row: head+tail", "figure4, row: BERT-ITPT-FiT, size: smallest")
    (found,) = contrasts(tmp_path, registry, text + "        than: {size: largest}\n")
    assert (found.a, found.b) == (
        "BERT-ITPT-FiT at 4 over BERT-FiT at 4",
        "BERT-ITPT-FiT at 100 over BERT-FiT at 100",
    )
    small, whole = "fraction=0.04", "default"
    assert [(weight, "~" in encoder, recipe.split("+")[0]) for weight, encoder, recipe in terms(found.columns[0])] == [
        (-1, True, small),
        (1, False, small),
        (1, True, "layer_decay=0.95"),
        (-1, False, whole),
    ]


@pytest.mark.parametrize(("size", "label"), [("smallest", "4"), ("largest", "100")])
def test_failures_at_the_smallest_or_largest_size(tmp_path, registry, size, label):
    text = ONE.replace("    compare:", "    kind: fails more often\n    compare:")
    text = text.replace("table2, row: head+tail", f"figure4, row: BERT-FiT, size: {size}")
    (found,) = contrasts(tmp_path, registry, text.replace("[head-only, tail-only]", "BERT-ITPT-FiT"))
    assert [[runs.weight for runs in column] for column in found.columns] == [[1], [-1]]
    (same,) = contrasts(
        tmp_path,
        registry,
        text.replace(f"size: {size}", f"size: '{label}'").replace("[head-only, tail-only]", "BERT-ITPT-FiT"),
    )
    assert found == same


def test_a_size_is_one_of_its_own_artefact(tmp_path, registry):
    """Side a is an artefact without sizes, side b the largest of another one."""
    text = ONE.replace("row: [head-only, tail-only]", "artefact: figure4, row: BERT-FiT, size: largest")
    text = text.replace("row: head+tail", "row: head-only, column: imdb")
    (found,) = contrasts(tmp_path, registry, text)
    assert [runs.paper for runs in found.columns[0]] == [
        ("table2", "head-only", "IMDb"),
        ("figure4", "BERT-FiT", "100% of the IMDb training examples"),
    ]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["x"], ("x", "")),
        (["x", "y"], ("x", "y")),
        (["x", "y", "x at 1", "y at 1"], ("x over y", "x at 1 over y at 1")),
    ],
)
def test_labels_of_both_sides(names, labels):
    assert comparison._side_labels(names) == labels


def test_a_gain_is_not_larger_than_itself(tmp_path, registry):
    """Where only one size has runs, the smallest is the largest."""
    text = ONE.replace("    compare:", "    kind: larger gain\n    compare:").replace(
        "[head-only, tail-only]", "BERT-FiT"
    )
    text = text.replace("table2, row: head+tail", "figure4, row: BERT-ITPT-FiT, size: '10'")
    (found,) = contrasts(tmp_path, registry, text + "        than: {size: '10'}\n")
    assert (found.columns, found.reason) == ([], "figure4, imdb: only one size has runs")


def test_a_run_that_stands_on_both_sides_cancels_out(tmp_path, registry):
    text = ONE.replace("    compare:", "    kind: larger gain\n    compare:").replace(
        "[head-only, tail-only]", "BERT-FiT"
    )
    text = text.replace("table2, row: head+tail", "figure4, row: BERT-FiT, size: '10'").replace(
        "b: {row: BERT-FiT}", "b: {row: BERT-FiT, size: '20'}"
    )
    (found,) = contrasts(tmp_path, registry, text + "        than: {size: '10'}\n")
    assert [runs.weight for runs in found.columns[0]] == [-1, 1]


def test_word_counts_are_the_same_for_every_seed(tmp_path, registry):
    text = ONE.replace("table2, row: head+tail", "table6, row: BERT-FiT, column: ag")
    (found,) = contrasts(tmp_path, registry, text.replace("[head-only, tail-only]", "TF-IDF + linear"))
    assert [(runs.constant, runs.seeds) for runs in found.columns[0]] == [(False, [1, 2, 3, 4, 5, 6]), (True, [1])]


def test_the_evaluation_that_counts(tmp_path, registry):
    """Side b inherits it; the best and the last evaluation of one run are two things."""
    text = ONE.replace("row: head+tail", "row: head+tail, selection: best, column: imdb")
    found = contrasts(tmp_path, registry, text)
    assert [[runs.reading for runs in one.columns[0]] for one in found] == [["best", "best"]] * 2
    assert (found[0].a, found[0].b) == ("head+tail (best evaluation)", "head-only (best evaluation)")
    (same,) = contrasts(tmp_path, registry, text.replace("[head-only, tail-only]", "head+tail, selection: last"))
    assert [(runs.weight, runs.recipe, runs.reading) for runs in same.columns[0]] == [
        (-1, "evaluate_every=160+steps=160", "best"),
        (1, "evaluate_every=160+steps=160", "last"),
    ]
    assert (same.a, same.b) == ("head+tail (best evaluation)", "head+tail")


def test_training_errors_are_read_where_they_are_measured(tmp_path, registry):
    found = contrasts(tmp_path, registry, ONE.replace("    compare:", "    measure: training_error\n    compare:"))
    assert {runs.reading for one in found for column in one.columns for runs in column} == {"training"}


def test_a_quoted_system_is_a_published_error_in_a_comparable_study(tmp_path, registry):
    text = ONE.replace("table2, row: head+tail", "table8, row: BERT_BASE + ITPT, column: [imdb, ag]")
    text = text.replace("[head-only, tail-only]", "ULMFiT")
    imdb, ag = contrasts(tmp_path, open_registry({"study": "paper"}, ROOT), text)
    assert (imdb.a, imdb.b, imdb.quoted) == ("BERT_BASE + ITPT", "ULMFiT", [("table8", "ULMFiT", "IMDb")])
    assert ag.quoted == [("table8", "ULMFiT", "AG")]
    assert [(runs.weight, runs.corpus) for runs in imdb.columns[0]] == [(-1, "imdb")]
    (mean,) = contrasts(
        tmp_path,
        open_registry({"study": "paper"}, ROOT),
        text.replace("    compare:", "    over: mean\n    compare:"),
    )
    assert len(mean.columns) == len(mean.quoted) == 2
    found = contrasts(tmp_path, registry, text)
    said = "table8, ULMFiT: published errors of another setting are no side of a comparison"
    assert [(one.columns, one.quoted, one.reason) for one in found] == [([], [], said)] * 2
