"""The first screen: what it says, how it is cut, and that texts of the user cannot control the terminal."""

from __future__ import annotations

from dataclasses import replace

from bertfit.terminal import first_screen
from bertfit.terminal.first_screen import FirstScreen, TextSizes

SCREEN = FirstScreen(
    file="reviews.csv",
    rows=2000,
    classes={"neg": 988, "pos": 1012},
    counted=2000,
    lengths=TextSizes(1000, words=(30, 71), pieces=(41, 96), cut=0.043),
    max_length=96,
    encoder="all-MiniLM-L6-v2",
    steps=["Check the texts.", "Train."],
    budget="15 minutes",
    duration="about 12 minutes",
)


def test_all_that_was_found_and_will_be_done() -> None:
    assert first_screen.text(SCREEN).splitlines() == [
        "file     reviews.csv",
        "rows     2,000",
        "classes  2: pos 1,012, neg 988",
        "lengths  half of the texts have at most 30 words (41 pieces), 95 % at most 71 words (96 pieces); the",
        "         encoder reads 96 pieces, so 4 % will be cut (estimated from the first 1,000 texts)",
        "encoder  all-MiniLM-L6-v2",
        "budget   15 minutes",
        "time     about 12 minutes",
        "to do    1. Check the texts.",
        "         2. Train.",
    ]


def test_what_is_unknown_has_no_line() -> None:
    names = {line[:9].strip() for line in first_screen.text(replace(SCREEN, budget="", duration="")).splitlines()}
    assert names == {"file", "rows", "classes", "lengths", "encoder", "to do", ""}


def test_ten_classes_at_most() -> None:
    counts = {f"class {number:02}": 100 - number for number in range(13)}
    shown = first_screen.classes(counts)
    assert shown.startswith("class 00 100, class 01 99, ") and shown.endswith("class 09 91, and 3 more")
    assert first_screen.classes({"": 3, "b": 3}) == "(empty) 3, b 3"
    assert first_screen.classes({"\x1b[2J": 1}) == "\\x1b[2J 1"


def test_of_a_large_file_it_says_how_many_rows_were_counted() -> None:
    text = first_screen.text(replace(SCREEN, rows=500_000, counted=200_000))
    assert "rows     500,000\n" in text and "classes  2 (the first 200,000 rows): " in text


def test_a_small_share_is_not_nothing() -> None:
    shares = [replace(SCREEN, lengths=replace(SCREEN.lengths, cut=cut)) for cut in (0, 0.004, 1)]
    assert [
        word in first_screen.text(screen)
        for screen, word in zip(shares, ("so 0 %", "so under 1 %", "so 100 %"), strict=True)
    ] == [True] * 3
