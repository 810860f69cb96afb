"""The workflow of a crate: its language, authors, steps, parameters and packages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bertfit.crate.crate_content import CrateContent
from bertfit.crate.entity_graph import EntityGraph, Reference, file
from bertfit.provenance import croissant
from bertfit.provenance.citation import Author

WORKFLOW, ENVIRONMENT = "Snakefile", "envs/bertfit.yaml"
SNAKEMAKE = "https://snakemake.github.io/"
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"


def corpora(graph: EntityGraph, content: CrateContent) -> list[Reference]:
    """The corpora that the study read."""
    return [
        graph.add(
            corpus(name),
            "CreativeWork",
            name=card.title,
            description=f"{croissant.origin(card)}. Terms of use: {card.licence}",
            url=croissant.address(card),
            inLanguage=card.language,
            license=card.licence,
            subjectOf=file(content.descriptions[name]),
        )
        for name, card in content.facts.cards.items()
    ]


def workflow(graph: EntityGraph, content: CrateContent) -> Reference:
    """The main workflow, with a tool for each script and a step that runs it, in the order of their first jobs."""
    cited = content.citation
    tools, steps = [], []
    python = graph.add("https://www.python.org/", "ComputerLanguage", name="Python", url="https://www.python.org/")
    for position, script in enumerate(dict.fromkeys(job.script for job in content.jobs), start=1):
        kinds = {"version": cited.version, "programmingLanguage": python, "url": cited.repository}
        tools.append(graph.describe(tool(script), "SoftwareSourceCode", **kinds))
        about = {"name": script, "position": str(position), "workExample": tools[-1]}
        steps.append(graph.add(step(script)["@id"], "HowToStep", **about))
    if ENVIRONMENT in content.files:
        graph.describe(ENVIRONMENT, conformsTo={"@id": "https://docs.conda.io/"})
    return graph.describe(
        WORKFLOW,
        *("SoftwareSourceCode", "ComputationalWorkflow", "HowTo"),
        name=cited.title,
        version=cited.version,
        description=cited.abstract,
        programmingLanguage=graph.add(
            LANGUAGE,
            "ComputerLanguage",
            name="Snakemake",
            identifier={"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
            url={"@id": SNAKEMAKE},
            version=content.engine[0],
        ),
        license=licence(graph, content),
        author=authors(graph, content),
        codeRepository=cited.repository,
        keywords=", ".join(cited.keywords),
        step=steps,
        hasPart=tools,
        input=[parameter for parameter, _ in parameters(graph, content)],
        output=[_result(graph, content, path) for path in content.results],
        buildInstructions=file(ENVIRONMENT) if ENVIRONMENT in content.files else None,
        softwareRequirements=_packages(graph, content),
    )


def tool(script: str) -> str:
    """The file of a script."""
    return f"scripts/{script}.py"


def step(script: str) -> Reference:
    """The step that runs a script."""
    return {"@id": f"#step/{quote(script)}"}


def corpus(name: str) -> str:
    """Identifier of a corpus."""
    return f"#corpus/{quote(name)}"


def authors(graph: EntityGraph, content: CrateContent) -> list[Reference]:
    """The authors of the workflow; who ran the study is left to people."""
    return [_author(graph, author) for author in content.citation.authors]


def _author(graph: EntityGraph, author: Author) -> Reference:
    names = {"name": author.label, "givenName": author.given, "familyName": author.family}
    kind = "Person" if author.person else "Organization"
    return graph.add(author.orcid or f"#author/{quote(author.label)}", kind, **names)


def licence(graph: EntityGraph, content: CrateContent) -> Reference:
    """The licence of the workflow."""
    spdx = content.citation.license
    address = f"https://spdx.org/licenses/{spdx}"
    about = f"The licence {spdx}, whose text is in the file LICENSE."
    return graph.add(address, "CreativeWork", name=spdx, url=address, description=about)


# ---------------------------------------------------------------------------------------------- parameters


def parameters(graph: EntityGraph, content: CrateContent) -> list[tuple[Reference, Reference]]:
    """Inputs of the workflow with their values: switches of --config, and the files of the configuration."""
    pairs = []
    for name, text in content.facts.manifest.switches.items():
        value = f"#value/{quote(name)}"
        parameter = _formal(graph, name, "Text", f"--config {name}=", {"@id": value})
        values = {"name": name, "value": text, "exampleOfWork": parameter}
        pairs.append((parameter, graph.add(value, "PropertyValue", **values)))
    study = content.facts.manifest.switches.get("study", content.facts.manifest.study)
    for path, about in {"config.yaml": "the experiments", f"studies/{study}.yaml": "their setting"}.items():
        if path in content.files:
            parameter = _formal(graph, path, "File", about, file(path))
            pairs.append((parameter, graph.describe(path, exampleOfWork=parameter)))
    return pairs


def _result(graph: EntityGraph, content: CrateContent, path: str) -> Reference:
    name = path.removeprefix(f"{content.facts.root}/")
    parameter = _formal(graph, name, "File", "a result of the study", file(path))
    graph.describe(path, exampleOfWork=parameter)
    return parameter


def _formal(graph: EntityGraph, name: str, kind: str, about: str, example: Reference) -> Reference:
    values: dict[str, Any] = {"name": name, "description": about, "additionalType": kind, "workExample": example}
    return graph.add(f"#parameter/{quote(name)}", "FormalParameter", **values)


# ---------------------------------------------------------------------------------------------- packages


def _packages(graph: EntityGraph, content: CrateContent) -> list[Reference]:
    """Python and packages in the versions that trainings recorded; several of one where machines differed."""
    return [
        graph.add(
            _package(name, version), "SoftwareApplication", name=name, version=version, url=_package(name, version)
        )
        for name, versions in content.facts.versions.items()
        for version in versions
    ]


def _package(name: str, version: str) -> str:
    """Address of a version of a package; of a local build (``2.13.0+cpu``) that of its version, and the build."""
    if name == "python":
        return f"https://docs.python.org/release/{version}/"
    public, _, build = version.partition("+")
    return f"https://pypi.org/project/{name}/{public}/{f'#{build}' if build else ''}"
