"""Rule choose_model: the winner of the search, by its validation error."""

from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.search import decide
from bertfit.search.search_record import SearchSpec


def main(job: RuleJob) -> None:
    """Write the record of the choice."""
    spec = SearchSpec.model_validate(job.spec)
    files = {name: job.input[name] for name in ("last", "card", "clusters")}
    decide.choose(spec, **files, out=job.output[0])


if __name__ == "__main__":
    run_script(main, globals())
