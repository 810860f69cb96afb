"""Pre-training instances: equal to the official script and to a plain version of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.tokens import create_instances, instance_file
from helpers import reference_instances as reference
from helpers.instances import ENTRIES, both, random_text
from helpers.vocabularies import write_vocabulary

SHARED = Path(os.environ.get("BERTFIT_SHARED") or Path(__file__).parents[4] / "shared")
UNCASED = SHARED / "vocab/bert-base-uncased-vocab.txt"
GOLDEN = SHARED / "paper/golden/agnews_first100.txt"
AG = SHARED / "corpora/agnews/test.parquet"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary"), ENTRIES)


def test_golden_of_the_official_script(capsys):
    if not (UNCASED.exists() and GOLDEN.exists()):
        pytest.skip("needs the shared golden text and the uncased vocabulary (BERTFIT_SHARED)")
    create_instances.main([str(GOLDEN), "--vocab", str(UNCASED), "--seed", "12345", "--dupe", "5"])
    assert capsys.readouterr().out == (
        "instances=811 random_next=533 tokens=55648 masked=8345 "
        "sha256=0fbfc9e372df5d804167459b51720fe74b3f6b728645b2974eb8b7fbb934c8f0\n"
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    documents=st.integers(1, 12),
    words=st.integers(1, 60),
    data=st.fixed_dictionaries(
        {
            "dupe": st.integers(1, 3),
            "max_length": st.integers(8, 140),
            "max_predictions": st.integers(1, 25),
            "masked_share": st.sampled_from([0.0, 0.15, 0.5, 1.0]),
            "short_share": st.sampled_from([0.0, 0.1, 1.0]),
        }
    ),
)
def test_equal_to_the_plain_version(tmp_path_factory, vocabulary, seed, documents, words, data):
    pretrain = Pretrain(data_seed=seed, **data)
    ours, expected, _ = both(random_text(seed, documents, words), vocabulary, tmp_path_factory.mktemp("i"), pretrain)
    assert ours == expected


@pytest.mark.parametrize(
    "text",
    [
        "a b\nc\n\n\n\n   \n b c a\n",
        "a\u2028b\x0bc\n\x85\nc a\n\n\x1c\n\nb\r\n\r\nc",
        "a\n\u200b\nb\n\ufeff\n\n\x00\n\nc b",
        "a b c d",
        ["a b\nc", "b b\n\nc c c\n\n", "", "\n\na a"],
    ],
    ids=["blank lines", "other line ends", "lines that vanish", "one document", "files without a last blank line"],
)
def test_odd_texts(tmp_path, vocabulary, text):
    ours, expected, _ = both(text, vocabulary, tmp_path, Pretrain())
    assert ours == expected


def test_same_bytes_again_and_other_bytes_with_another_seed(tmp_path, vocabulary):
    files = []
    for number, seed in enumerate((5, 5, 6)):
        (tmp_path / "t.txt").write_text(random_text(4, 9))
        create_instances.build([tmp_path / "t.txt"], vocabulary, Pretrain(data_seed=seed), tmp_path / f"{number}.arrow")
        files.append((tmp_path / f"{number}.arrow").read_bytes())
    assert files[0] == files[1] != files[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.arrow", "1.arrow", "2.arrow", "t.txt"]


def test_bad_input(tmp_path, vocabulary, capsys):
    text = tmp_path / "t.txt"
    with pytest.raises(UserError, match=r"t\.txt: no such file"):
        create_instances.build([text], vocabulary, Pretrain(), tmp_path / "o.arrow")
    text.write_bytes(b"a\n\xff\n")
    with pytest.raises(UserError, match=r"t\.txt: line 2 is not UTF-8"):
        create_instances.build([text], vocabulary, Pretrain(), tmp_path / "o.arrow")
    text.write_text("\n \n\n")
    with pytest.raises(UserError, match="no text to pre-train on"):
        create_instances.build([text], vocabulary, Pretrain(), tmp_path / "o.arrow")
    with pytest.raises(UserError, match=r"t\.txt: not a complete instances file"):
        instance_file.read(text)
    with pytest.raises(SystemExit):
        create_instances.main([str(text), "--vocab", str(vocabulary), "--dupe", "0"])
    assert "dupe" in capsys.readouterr().err


def test_real_text_equals_the_plain_version_and_is_faster(tmp_path, capsys):
    if not (UNCASED.exists() and AG.exists()):
        pytest.skip("needs the shared AG corpus and the uncased vocabulary (BERTFIT_SHARED)")
    rows = pq.read_table(AG, columns=["title", "description"]).slice(0, 1500).to_pylist()
    text = tmp_path / "t.txt"
    text.write_text("\n\n".join(row["title"] + "\n" + row["description"].replace(". ", ".\n") for row in rows))
    start = time.process_time()
    counts = create_instances.build([text], UNCASED, Pretrain(), tmp_path / "o.arrow")
    ours = time.process_time() - start
    entries = reference.read_vocabulary(UNCASED)
    start = time.process_time()
    expected = reference.create(reference.read_documents([text], entries), entries)
    plain = time.process_time() - start
    with capsys.disabled():
        print(f" {counts['instances'] / ours:,.0f} instances/s, {plain / ours:.1f} times the plain version ", end="")
    assert create_instances.digest(tmp_path / "o.arrow", UNCASED) == reference.digest(expected)
    assert plain / ours > 2  # 4.7 on a quiet machine
