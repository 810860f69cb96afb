"""Two files of one name have results of their own."""

from __future__ import annotations

import json
from pathlib import Path

from bertfit.experiments import results_owner
from bertfit.experiments.registry import Registry, open_registry
from conftest import ROOT
from helpers import project


def of(path: Path, results: Path, **more: object) -> Registry:
    path.parent.mkdir(exist_ok=True)
    path.write_text(project.REVIEWS.read_text())
    return open_registry(project.switches("example") | {"data": str(path)} | more, ROOT, results)


def test_the_first_file_has_the_name_and_others_of_that_name_a_digest(tmp_path: Path) -> None:
    results, one, two = tmp_path / "results", tmp_path / "a/reviews.csv", tmp_path / "b/reviews.csv"
    first = of(one, results)
    assert of(two, results).root == first.root == f"{results}/example.reviews", "nobody has the folder yet"
    results_owner.remember(first.settings, first.root)
    assert json.loads((results / "example.reviews/dataset.json").read_text()) == {"file": str(one)}
    assert of(one, results).root == first.root
    second = of(two, results)
    assert second.root.startswith(f"{first.root}-") and len(second.root) == len(first.root) + 7
    results_owner.remember(second.settings, second.root)
    assert (of(one, results).root, of(two, results).root) == (first.root, second.root), "whoever runs next"
    results_owner.remember(second.settings, first.root)
    assert of(one, results).root == first.root, "an owner stays"


def test_a_sample_and_other_studies(tmp_path: Path) -> None:
    results, one, two = tmp_path / "results", tmp_path / "a/reviews.csv", tmp_path / "b/reviews.csv"
    whole = of(one, results)
    results_owner.remember(whole.settings, whole.root)
    assert of(two, results, sample=20).root == f"{results}/example.reviews.sample20", "of which nobody has results"
    other = open_registry({"study": "miniature"}, ROOT, results)
    results_owner.remember(other.settings, other.root)
    assert not Path(other.root).exists()
