"""Special tokens of the vocabularies of every family, as transformers has them."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, processors

from bertfit.core.errors import UserError
from bertfit.tokens import special_tokens, vocabulary_file
from helpers import small_encoders, tiny
from helpers.vocabularies import BASE, write_vocabulary

LINES, _ = tiny.texts(100, 1)


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_ids_and_separators(name: str) -> None:
    made = small_encoders.tokenizer(name, LINES)
    found = special_tokens.ids(made)
    tokens = {key: made.id_to_token(id) if id >= 0 else None for key, id in found.items()}
    _, declared = small_encoders.TOKENS[name]
    if name == "mpnet":  # its vocabulary has BERT's special tokens, too
        assert tokens == {"pad": "<pad>", "unk": "[UNK]", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
    else:
        assert set(filter(None, tokens.values())) == set(declared)
    assert (tokens["unk"] is None) == (name == "eurobert"), "bytes are never unknown"
    assert [tokens["cls"], tokens["sep"]] == list(small_encoders._around(declared))
    assert special_tokens.separators(made) == (2 if name in small_encoders.DOUBLED else 1)


def test_a_bert_whose_file_does_not_say_where_they_stand(tmp_path) -> None:
    tokenizer = vocabulary_file.load(write_vocabulary(tmp_path, BASE))
    bare = Tokenizer(models.WordPiece(tokenizer.get_vocab(), unk_token="[UNK]"))
    assert special_tokens.ids(bare) == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert special_tokens.separators(bare) == 1


@pytest.mark.parametrize(
    ("entries", "template", "message"),
    [
        (["<pad>", "<mask>", "<s>", "a"], "<s> $A", "does not put one token before a text and one after it"),
        (["<pad>", "<s>", "</s>", "a"], "<s> $A </s>", "it has no token for masked words"),
    ],
)
def test_what_no_encoder_can_be_given(entries: list[str], template: str, message: str) -> None:
    made = Tokenizer(models.WordLevel({entry: id for id, entry in enumerate(entries)}, unk_token="a"))
    around = [(token, made.token_to_id(token)) for token in ("<s>", "</s>") if made.token_to_id(token) is not None]
    made.post_processor = processors.TemplateProcessing(single=template, special_tokens=around)
    with pytest.raises(UserError, match=message):
        special_tokens.ids(made)


def test_padding_may_be_the_separator() -> None:
    """It is masked, whatever token it is."""
    entries = ["<s>", "</s>", "<mask>", "a"]
    made = Tokenizer(models.WordLevel({entry: id for id, entry in enumerate(entries)}, unk_token="a"))
    around = [(token, made.token_to_id(token)) for token in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=around)
    assert special_tokens.ids(made) == {"pad": 1, "unk": 3, "cls": 0, "sep": 1, "mask": 2}


def test_pairs_in_another_way_are_refused() -> None:
    made = small_encoders.tokenizer("roberta", LINES)
    around = [(token, made.token_to_id(token)) for token in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> <s> $B </s>", special_tokens=around
    )
    with pytest.raises(UserError, match="pairs of texts get the tokens <s> </s> <s> </s>"):
        special_tokens.separators(made)
