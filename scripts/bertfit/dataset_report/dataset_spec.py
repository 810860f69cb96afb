"""Specification of rule build_dataset_report. Imports neither torch nor pandas."""

from __future__ import annotations

from bertfit.config.corpus_schema import Spec
from bertfit.experiments.job_specs import SizeDifference


class DatasetReportSpec(Spec):
    """What no input file of the report says.

    ``study``: its name with that of the file, such as ``example.reviews``; ``root``: folder of the results, as the
    user opens it; ``encoder``: title of the base encoder; ``text``: column of the texts; ``titles``: candidate -> name;
    ``templates``: digest of the page's templates (`TEMPLATES` of `dataset_page`).
    """

    study: str
    root: str
    encoder: str
    text: str | int | None
    titles: dict[str, str]
    sizes: list[SizeDifference]
    templates: str = ""
