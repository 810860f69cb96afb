"""Verdicts on the paper's claims, and the report."""


rule judge_claims:
    """Verdicts on the paper's claims, from the predictions of the runs that they compare."""
    input:
        unpack(of(REPORT.claim_inputs)),
    output:
        json="<results>/claims<part>.json",
        md=report(
            "<results>/claims<part>.md",
            caption="report/claims.rst",
            category="Verdicts",
            labels={"artefact": "Claims", "form": "Markdown"},
        ),
    log:
        "<results>/logs/judge_claims/claims.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("judge_claims", REPORT.claim_spec),
    script:
        "../scripts/judge_claims.py"


rule build_report:
    """One self-contained page: verdicts, tables, figures, every run, corpora, cost."""
    input:
        unpack(of(REPORT.report_inputs)),
    output:
        report(
            "<results>/report<part>.html",
            caption="report/page.rst",
            category="All on one page",
            labels={"artefact": "Report", "form": "page"},
        ),
    log:
        "<results>/logs/build_report/report.log",
    localrule: True
    conda:
        "../envs/bertfit.yaml"
    params:
        job=job("build_report", REPORT.report_spec),
    script:
        "../scripts/build_report.py"


for name, file in {"claims": "claims<part>.md", "report": "report<part>.html"}.items():

    rule:
        """Verdicts and report by name: snakemake claims, snakemake report."""
        name:
            name
        input:
            f"<results>/{file}",
        localrule: True
