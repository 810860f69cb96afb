"""Verdicts on the paper's claims, and the page that shows everything."""


localrules:
    judge_claims,
    build_report,


rule judge_claims:
    """Which of the paper's claims hold, from the predictions behind them."""
    input:
        unpack(lambda wildcards: REPORTING.claim_inputs()),
    output:
        json="<results>/claims<part>.json",
        md=report(
            "<results>/claims<part>.md",
            caption="report/claims.rst",
            category="Verdicts",
            labels={"artefact": "claims", "form": "md"},
        ),
    log:
        "<results>/logs/judge_claims/claims.log",
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("judge_claims", REPORTING.claim_spec()),
    script:
        "../scripts/judge_claims.py"


rule build_report:
    """One self-contained page: verdicts, tables, figures, every run, corpora, cost."""
    input:
        unpack(lambda wildcards: REPORTING.report_inputs()),
    output:
        "<results>/report<part>.html",
    log:
        "<results>/logs/build_report/report.log",
    conda:
        "../envs/bertfit.yaml"
    params:
        job=lambda wildcards: job("build_report", REPORTING.report_spec()),
    script:
        "../scripts/build_report.py"


for name, file in {"claims": "claims<part>.md", "report": "report<part>.html"}.items():

    rule:
        """The verdicts, or the page, by name: snakemake claims, snakemake report."""
        name:
            name
        input:
            f"<results>/{file}",
        localrule: True
