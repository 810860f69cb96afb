"""``report.html``: the page and its parts. Its templates lie in ``templates/``."""
