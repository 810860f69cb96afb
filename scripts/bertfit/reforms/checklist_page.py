"""The REFORMS checklist of a study as Markdown: each item, what the study knows of it, and what is left to people."""

from __future__ import annotations

from bertfit.core.formatting import escape_markdown
from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms import data_answers, model_answers
from bertfit.reforms.checklist_items import ITEMS, MODULES, Answer

OPEN = "**To be answered by the authors:**"
HEAD = """\
# REFORMS: {title}

The 32 items of REFORMS (Kapoor et al. 2024, "REFORMS: Consensus-based Recommendations for Machine-learning-based
Science", Science Advances 10, <https://doi.org/10.1126/sciadv.adk3452>) for the study `{study}`, in short words of our
own; the paper's guidelines say what each item asks for. {known} are answered from the records of the study alone. To
the other {open} the authors have to add something: each says what. Files are named relative to `{root}`, or to the
folder of the workflow.
"""


def text(facts: StudyFacts) -> str:
    """The page. Raises `UserError` where a record is missing or damaged."""
    answers = data_answers.answers(facts) | model_answers.answers(facts)
    left = sum(bool(answer.needed) for answer in answers.values())
    head = HEAD.format(
        title=escape_markdown(facts.report.study.title),
        study=facts.manifest.study,
        known=len(ITEMS) - left,
        open=left,
        root=facts.root,
    )
    parts = [head]
    for place, module in enumerate(MODULES, start=1):
        parts.append(f"\n## {place}. {module}\n")
        parts += [_item(number, answers[number]) for number in ITEMS if number.startswith(str(place))]
    return "".join(parts)


def _item(number: str, answer: Answer) -> str:
    lines = [f"\n### {number}. {ITEMS[number]}\n"]
    lines += [f"\n{answer.known}\n"] if answer.known else []
    lines += [f"\nFound in: {answer.where}.\n"] if answer.where else []
    lines += [f"\n{OPEN} {answer.needed}.\n"] if answer.needed else []
    return "".join(lines)
