"""The page as text: its values, that nothing gets out of it, and which sections optional inputs add."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import bertfit
from bertfit.dataset_report import dataset_page
from helpers import dataset_results
from helpers.page_reader import Page

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg></bdi><h1>{{ 7*7 }}</h1>",
    "\u202eltr <b>bold</b> &amp; 'quotes'",
]


def text_of(html: str) -> str:
    """The text of the body, on one line."""
    body = html[html.index("<body>") :]
    plain = re.sub(r"<[^>]*>", " ", body)
    return re.sub(r"\s+", " ", plain)


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    return dataset_page.page(*dataset_results.make(tmp_path_factory.mktemp("news")))


def test_the_answer_comes_first_with_natural_frequencies(news: str) -> None:
    text = text_of(news).replace("\u2011", "-")
    first = text[: text.index("What was tried")]
    assert "Best for your texts: further pre-training and layer-wise rates" in first
    assert "12.0 % of its answers are wrong : 48 of 400 test texts." in first
    assert "On other texts of this kind, expect 8.8 to 15.6 %, 35 to 62 of 400 (95 % interval)." in first
    assert "74.0 % if the answer were always World , the most frequent class: 296 of 400 test texts." in first
    assert news.count('class="wrong"/>') == 12 + 74


def test_the_page_is_whole_and_its_links_lead_somewhere(news: str) -> None:
    page = Page(re.sub(r"<(path|circle|rect)\b([^>]*)/>", r"<\1\2></\1>", news))
    assert len(page.ids) == len(set(page.ids))
    assert page.links and all(link[1:] in page.ids for link in page.links)
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    policy = next(one["content"] for _, one in page.tags if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    assert f"Made by bertfit {bertfit.__version__}." in news
    assert "script" not in {tag for tag, _ in page.tags} and "http" not in news.replace("http-equiv", "")


def test_candidates_are_on_one_scale_and_those_left_out_say_why(news: str) -> None:
    text = text_of(news)
    assert "0.7 points of error ahead of fine-tuning with layer-wise rates, 95 % interval −1.5 to 2.9." in text
    assert "fine-tuning with balanced classes no class has 5 times as many texts as another not trained" in text
    assert "not among the best 2 after 1 epochs" in text


def test_texts_and_class_names_are_escaped(tmp_path) -> None:
    spec, files = dataset_results.make(tmp_path, HOSTILE, HOSTILE)
    html = dataset_page.page(spec.model_copy(update={"text": "a'; rm -rf <b>"}), files)
    for text in HOSTILE:
        assert text not in html
    page = Page(re.sub(r"<(path|circle|rect)\b([^>]*)/>", r"<\1\2></\1>", html))
    assert "script" not in {tag for tag, _ in page.tags} and page.headings.count(1) == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html and "{{ 7*7 }}" in html
    assert "\u202e" not in re.sub(r'<span class="quoted".*?</span>', "", html)  # names do not turn what follows them
    assert "--text &#39;a&#39;&#34;&#39;&#34;&#39;; rm -rf &lt;b&gt;&#39;" in html


def test_sixty_classes_are_folded_and_their_confused_pairs_are_listed(tmp_path) -> None:
    names = [f"intent {place}" for place in range(60)]
    html = dataset_page.page(*dataset_results.make(tmp_path, names, size=1200))
    text = text_of(html)
    assert "The 15 of 60 classes with the lowest F1" in text and "The other 45 classes" in text
    assert "What is most often taken for what" in text and "label \\ answer" not in text


def test_several_labels_have_thresholds_and_no_confusion(tmp_path) -> None:
    html = dataset_page.page(*dataset_results.make_several(tmp_path))
    text = text_of(html)
    assert "of the texts do not get exactly their labels" in text and "Given from" in text
    assert "Compared by micro-F1" in text and "Compared by macro-F1" not in text
    assert "taken for what" not in text and "Matthews" not in text
    assert "No temperature was fitted: 12 validation texts, and at least 30 are needed." in text
    assert "top_k=None" in html


def test_sections_of_missing_files_are_left_out(tmp_path) -> None:
    spec, files = dataset_results.make(tmp_path)
    files = replace(files, mistakes=None, label_errors=None, train=None)
    html = dataset_page.page(spec, files)
    assert not {"mistakes", "labels", "more-labels"} & set(re.findall(r'id="([^"]+)"', html))
    assert "Length" not in html and "LEARNING_CURVE=1" in html


def test_a_learning_curve_adds_a_section(tmp_path) -> None:
    spec, files = dataset_results.make(tmp_path)
    curve = dataset_results.write(tmp_path / "curve.json", dataset_results.learning_curve())
    text = text_of(dataset_page.page(spec, replace(files, curve=curve)))
    assert "How many more labels?" in text and "LEARNING_CURVE=1" not in text
    assert "With twice as many, 2,560, expect 8.7 % (7.9 to 9.6 %)" in text


def test_labels_to_check_have_their_probabilities(news: str) -> None:
    text = text_of(news)
    assert "World 1 % Sports 100 %" in text and "results/example.news/label_errors.csv" in text


def test_the_same_inputs_give_the_same_bytes(tmp_path, news: str) -> None:
    dataset_page.build(*dataset_results.make(tmp_path), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == news


def test_long_texts_are_cut() -> None:
    assert dataset_page.shortened("a" * 500) == "a" * 500
    assert dataset_page.shortened("a" * 501) == "a" * 500 + " …"
