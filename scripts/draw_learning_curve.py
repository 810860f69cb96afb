"""Rule draw_learning_curve: the error of the winner against the number of training texts, extrapolated."""

from bertfit.analysis import learning_curve
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.data import corpus_card
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.search.search_record import CurveSpec


def main(job: RuleJob) -> None:
    """Write the curve and its figure."""
    rows = corpus_card.read(job.input["card"]).splits["train"].rows
    sizes = [round(share * rows) for share in CurveSpec.model_validate(job.spec).shares]
    files = FigureFiles.of(job.output)
    learning_curve.build(job.input.group("predictions"), sizes, out=job.output["json"], files=files)


if __name__ == "__main__":
    run_script(main, globals())
