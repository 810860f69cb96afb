"""Names of artefacts, rows, columns and sizes in claims: what they select, and the nearest name of a misspelt one."""

import pytest

from helpers.claim_files import ONE, complains, contrasts, make_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return make_registry(tmp_path_factory.mktemp("workflow"))


def test_last_and_patterns_leave_out_the_run_itself(tmp_path, registry):
    depth = registry.base("mini").depth
    text = ONE.replace("table2, row: head+tail", "table3, row: last").replace("[head-only, tail-only]", "Layer-*")
    found = contrasts(tmp_path, registry, text)
    assert [one.b for one in found if one.columns] == [f"Layer-{number}" for number in range(depth - 1)]
    assert {one.a for one in found} == {f"Layer-{depth - 1}"}
    assert all(one.columns for one in found)  # layers that it lacks are no rivals


def test_others_are_all_but_side_a_and_the_quoted(tmp_path, registry):
    text = ONE.replace("table2, row: head+tail", "table8, row: BERT_LARGE, column: imdb")
    found = contrasts(tmp_path, registry, text.replace("[head-only, tail-only]", "others"))
    assert [one.b for one in found] == ["BERT_BASE", "BERT_BASE + ITPT", "BERT_LARGE + ITPT"]


def test_corpora_are_left_out_of_all_columns(tmp_path, registry):
    text = ONE.replace("table2, row: head+tail", "table6, row: BERT-ITPT-FiT").replace(
        "[head-only, tail-only]", "BERT-FiT"
    )
    corpora = [
        {
            column[0].corpus
            for one in contrasts(tmp_path, registry, text.replace("ITPT-FiT", more))
            for column in one.columns
        }
        for more in ("ITPT-FiT", "ITPT-FiT, without: [trec, sogou]")
    ]
    assert corpora[0] - corpora[1] == {"trec", "sogou"} and corpora[1] < corpora[0]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("head-only, tail", "head-onyl, tail", 9, "no row 'head-onyl'; did you mean 'head-only'?"),
        ("row: head+tail", "row: head tail", 8, "no row 'head tail'; did you mean 'head+tail'?"),
        ("[head-only, tail-only]", "Laier-*", 9, "no row 'Laier-*'"),
        ("table2", "tabel2", 8, "no artefact 'tabel2'; did you mean 'table2'?"),
        ("row: head+tail", "row: head+tail, without: [imbd]", 8, "no column 'imbd'; did you mean 'imdb'?"),
        ("row: head+tail", "row: head+tail, column: imbd", 8, "no column 'imbd'; did you mean 'imdb'?"),
        ("row: head+tail", "row: head+tail, size: smallest", 8, "table2 has no sizes"),
        ("table2, row: head+tail", "figure4, row: BERT-FiT", 8, "figure4 needs a size"),
        ("table2, row: head+tail", "figure4, row: BERT-FiT, size: '7'", 8, "no size '7'"),
    ],
)  # fmt: skip
def test_a_misspelt_reference(tmp_path, registry, old, new, line, message):
    complains(tmp_path, line, message, lambda: contrasts(tmp_path, registry, ONE.replace(old, new)))
