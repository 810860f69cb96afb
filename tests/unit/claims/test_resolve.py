"""Which runs of a study decide a claim, and why some cannot."""

import csv
import subprocess
import sys

import pytest

from bertfit.claims import claim_schema, resolve
from bertfit.experiments.registry import open_registry
from conftest import ROOT
from helpers import project
from helpers.claim_files import ONE, contrasts, load, make_registry

CLAIMS = ROOT / "paper/claims.yaml"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return make_registry(tmp_path_factory.mktemp("workflow"))


@pytest.mark.parametrize("study", sorted(path.stem for path in (ROOT / "studies").glob("*.yaml")))
def test_every_study_can_put_the_papers_claims(study):
    declared, registry = claim_schema.load(CLAIMS), open_registry(project.switches(study), ROOT)
    questions = resolve.resolve(declared, registry)
    assert [question.id for question in questions] == list(declared.claims.claims)
    for question in questions:
        assert question.contrasts and all(contrast.columns or contrast.reason for contrast in question.contrasts)
        assert claim_schema.Question.model_validate(question.model_dump()) == question
    known = {(job.run_group.corpus, job.run_group.encoder, job.run_group.recipe) for job in registry.jobs()}
    assert {(r.corpus, r.encoder, r.recipe) for question in questions for r in question.runs} <= known


def test_the_miniature_can_decide_every_claim_but_those_that_need_more_texts_or_the_papers_setting():
    declared = claim_schema.load(CLAIMS)
    questions = resolve.resolve(declared, open_registry({}, ROOT))
    undecided = {question.id for question in questions if not question.runs}
    undecidable = {name for name, claim in declared.claims.claims.items() if "miniature" in claim.undecidable}
    assert undecided == undecidable | {"small-with-text-beats-ulmfit"}


def test_claims_about_repeated_artefacts_are_put_for_each_encoder():
    declared, registry = claim_schema.load(CLAIMS), open_registry({}, ROOT)
    questions = resolve.of_other_encoders(declared, registry)
    titles = {"roberta": "RoBERTa, 3 layers of 64", "modernbert": "ModernBERT, 3 layers of 64"}
    assert {question.encoder for question in questions} == set(titles.values())
    found = {question.id: question for question in questions}
    for encoder, title in titles.items():
        question = found[f"head-tail-best--{encoder}"]
        assert question.encoder == title and question.contrasts[0].corpora == ["imdb"]
        assert {runs.encoder for runs in question.runs} == {encoder} and {runs.paper for runs in question.runs} == {
            None
        }
        assert not found[f"truncation-beats-hierarchy--{encoder}"].runs, "rows that are left out"
    about = {name: claim.artefacts for name, claim in declared.claims.claims.items()}
    assert {question.id.partition("--")[0] for question in questions} == {
        name for name, artefacts in about.items() if artefacts <= {"table2", "table6"}
    }
    assert not resolve.of_other_encoders(declared, open_registry({"study": "paper"}, ROOT))


def test_studies_that_cannot_decide_a_claim_exist():
    named = {study for claim in claim_schema.load(CLAIMS).claims.claims.values() for study in claim.undecidable}
    assert named <= {path.stem for path in (ROOT / "studies").glob("*.yaml")}


def test_reading_claims_imports_neither_torch_nor_pandas():
    code = "import sys; from bertfit.claims import resolve; print({'torch', 'pandas', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_the_papers_own_numbers_are_there_for_what_they_are_asked():
    """Every key that a claim of the paper's study asks for stands in published.csv, apart from what the paper lacks."""
    with open(ROOT / "paper/published.csv", newline="") as file:
        known = {(row["artefact"], row["row"], row["column"]) for row in csv.DictReader(file)}
    questions = resolve.resolve(claim_schema.load(CLAIMS), open_registry({"study": "paper"}, ROOT))
    asked = {(question.id, runs.paper) for question in questions for runs in question.runs if runs.paper}
    assert {claim for claim, key in asked if key not in known} == {
        "beats-word-counts", "decay-against-forgetting", "few-shot-gain", "few-shot-most", "validation-similar",
    }  # fmt: skip
    quoted = {key for question in questions for contrast in question.contrasts for key in contrast.quoted}
    assert len(quoted) == 5 and quoted <= known
    assert len(asked) > 100


def test_a_corpus_that_was_left_out(tmp_path):
    found = contrasts(tmp_path, open_registry({"corpora": "imdb"}, ROOT), ONE)
    assert [one.corpora for one in found] == [["imdb"]] * 2
    (question,) = resolve.resolve(load(tmp_path, ONE), open_registry({"corpora": "imdb"}, ROOT))
    assert (question.left_out, question.coverage) == (["sogou"], "on 1 of 2 corpora")
    assert question.notes == ["sogou: not available (left out by --config corpora)"]
    # not where no other corpus is at hand
    (question,) = resolve.resolve(load(tmp_path, ONE), open_registry({"corpora": "trec"}, ROOT))
    assert (question.left_out, question.coverage, question.runs) == ([], "", [])
    assert {contrast.reason for contrast in question.contrasts} == {
        f"{corpus}: not available (left out by --config corpora)" for corpus in ("imdb", "sogou")
    }


def test_jobs_are_those_of_the_runs(tmp_path, registry):
    jobs = resolve.jobs(resolve.resolve(load(tmp_path, ONE), registry), registry)
    found = {(job.run_group.corpus, job.run_group.encoder, job.run_group.recipe) for job in jobs}
    longer = "evaluate_every=160+steps=160"  # of Table 2 in this study
    recipes = (longer, f"{longer}+truncation=head", f"{longer}+truncation=tail")
    assert found == {(corpus, "mini", recipe) for corpus in ("imdb", "sogou") for recipe in recipes}
    assert len({job.path for job in jobs}) == len(jobs) and set(jobs) <= set(registry.jobs())


def test_what_a_study_cannot_decide_needs_no_runs(tmp_path, registry):
    text = ONE.replace("    compare:", "    undecidable: {mine: few texts}\n    compare:")
    (question,) = resolve.resolve(load(tmp_path, text), registry)
    assert question.runs == [] and {one.reason for one in question.contrasts} == {"few texts"}
    assert resolve.jobs([question], registry) == []
    (question,) = resolve.resolve(load(tmp_path, text), open_registry({}, ROOT))
    assert question.runs


def test_contradicting_claims_name_each_other(tmp_path, registry):
    other = ONE.split("claims:\n")[1].replace("head-tail", "other").replace("head+tail", "head-only")
    text = ONE.replace("    compare:", "    contradicts: other\n    compare:") + other
    first, second = resolve.resolve(load(tmp_path, text), registry)
    assert first.notes == ["the paper also says the opposite: other"]
    assert second.notes == ["the paper also says the opposite: head-tail"]
