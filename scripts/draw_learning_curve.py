"""Rule draw_learning_curve: the error of the winner against the number of training texts, extrapolated."""

from bertfit.analysis import learning_curve
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.config.recipe_semantics import training_examples
from bertfit.data import corpus_card
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.search.search_record import CurveSpec


def main(job: RuleJob) -> None:
    """Write the curve and its figure."""
    rows = corpus_card.read(job.input["card"]).splits["train"].rows
    predictions = job.input.group("predictions")
    shares = CurveSpec.model_validate(job.spec).shares[-len(predictions) :]  # small ones of few texts are left out
    sizes = [training_examples(rows, share, None) for share in shares]
    learning_curve.build(predictions, sizes, out=job.output["json"], files=FigureFiles.of(job.output))


if __name__ == "__main__":
    run_script(main, globals())
