"""The vocabulary of the synthetic corpora: a word has one meaning and is one word piece."""

from __future__ import annotations

from tokenizers import BertWordPieceTokenizer

from bertfit.synthetic import generated_texts, lexicon
from helpers.synthetic_texts import meaning_of, texts


def test_words_mean_one_thing() -> None:
    plain = [word for topic in (*lexicon.THEMES.values(), *lexicon.MOODS.values()) for word in topic.words]
    jargon = [
        w for name in lexicon.MEANINGS if name != "news" for meaning in lexicon.MEANINGS[name] for w in meaning.jargon
    ]
    chinese = [c for topic in (*lexicon.CHINESE.values(), *lexicon.CHINESE_FILLER) for c in topic.words]
    chinese += [character for meaning in lexicon.MEANINGS["news"] for character in meaning.jargon]
    for words in (plain + jargon, chinese):
        assert len(words) == len(set(words))
    assert {len({len(m.jargon) for m in meanings}) for meanings in lexicon.MEANINGS.values()} == {1}
    assert all("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_every_word_is_one_piece_of_a_vocabulary_of_2500() -> None:
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    general = [sentence for document in generated_texts.documents("general", "train", 1) for sentence in document]
    corpora = [text for corpus in generated_texts.CORPORA for text in texts(corpus)]
    tokenizer.train_from_iterator(general + corpora, vocab_size=2500, show_progress=False)
    words = {word for name in lexicon.MEANINGS for word in meaning_of(name)}
    assert [word for word in words if tokenizer.token_to_id(word) is None] == []
