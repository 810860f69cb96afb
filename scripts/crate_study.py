"""Rule crate_study: a Workflow Run RO-Crate of the archive, and the REFORMS checklist."""

from bertfit.crate import run_crate
from bertfit.experiments.summary_specs import CrateSpec
from bertfit.provenance import snakemake_records
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the crate of a study."""
    spec = CrateSpec.model_validate(job.spec)
    run_crate.write(
        job.input["archive"],
        job.output["crate"],
        checklist=job.output["checklist"],
        descriptions=dict(zip(spec.corpora, job.input.group("descriptions"), strict=True)),
        records=snakemake_records.FOLDER,
        scripts=spec.scripts,
    )


if __name__ == "__main__":
    run_script(main, globals())
