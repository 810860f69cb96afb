"""Which archives can be added up. Refusals that `merge` reaches are in test_merged_archive.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bertfit.archiving import same_study
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.core.errors import UserError


def changed(archive: Unpacked, **values: object) -> Unpacked:
    return replace(archive, manifest=archive.manifest.model_copy(update=values))


def test_seeds_corpora_artefacts_and_versions_may_differ(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    switches = {"study": "tiny", "corpora": "sogou", "artefacts": "table2", "seeds": "7-9"}
    same_study.check([first, changed(second, switches=switches, versions={"python": "3.13", "numpy": "9"})])


def test_what_is_refused(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")

    def refused(message: str, **values: object) -> None:
        with pytest.raises(UserError, match=message):
            same_study.check([first, changed(second, **values)])

    refused("made with --config sample= and sample=9", switches={"study": "tiny", "sample": "9"})
    refused("their logits are rounded to multiples of 0 and 0.0625", logit_step=1 / 16)
    refused("corpus imdb was read from synthetic and nowhere, it was", sources=second.manifest.sources | {"imdb": None})
    refused("made with --config seeds=3 and seeds=4-6", shard=(1, 2))
    digests = second.manifest.sha256
    refused("code or configuration differs in studies/tiny.yaml;", sha256=digests | {"studies/tiny.yaml": "0"})
    same_study.check([first, changed(second, sha256=digests | {"requirements.txt": "0", "rules/plan.smk": "0"})])


def test_one_archive_is_not_enough(unpack: Callable[..., list[Unpacked]], tmp_path: Path) -> None:
    """Nor is one and its copy; the only part of a study is: it becomes the whole."""
    first, second = unpack("first", "second")
    two = "give at least two different archives; the last path is the new file"
    with pytest.raises(UserError, match=f"first.zip is one archive; {two}"):
        same_study.check([first])
    copy = replace(first, path=tmp_path / "copy.zip")
    for given in ([first, copy], [first, second, copy]):
        with pytest.raises(UserError, match=f"first.zip and .*copy.zip have the same content; {two}"):
            same_study.check(given)
    same_study.check([changed(first, shard=(1, 1))])


def test_own_dataset(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    own = changed(first, switches={"study": "example", "text": "review"})
    with pytest.raises(UserError, match="is of your own dataset, which has no parts"):
        same_study.check([own, second])


def test_the_command_line_of_an_archive(unpack: Callable[..., list[Unpacked]]) -> None:
    (second,) = unpack("second")
    assert same_study.command_line(second.manifest) == "study=tiny artefacts=figure2 seeds=4-6"
