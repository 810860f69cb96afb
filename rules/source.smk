"""Where the files of this workflow are, as a folder. Contains no rules.

Snakemake reads a module of a git repository (github(), gitlab(), git+file:) file by file. The package, the studies and the
paper's values are needed as a folder: then the folder is a copy of the commit, beside Snakemake's own copies of files, and
the rules are included from there.
"""

import io
import os
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile


def copied(repository, ref):
    """The folder with the files of a commit, which is written if it is not there yet."""
    commit = repository.commit(ref)
    folder = workflow.sourcecache.cache_path / "bertfit" / commit.hexsha
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        repository.archive(packed, treeish=commit.hexsha)
        packed.seek(0)
        with TemporaryDirectory(dir=folder.parent) as temporary:
            with tarfile.open(fileobj=packed) as archive:
                archive.extractall(Path(temporary, "files"), filter="data")
            try:
                os.rename(Path(temporary, "files"), folder)
            except OSError:
                if not folder.is_dir():  # else another process was first
                    raise
    return folder


def workflow_folder(rules):
    """The folder of the workflow, of that of its rules as Snakemake gives it."""
    if isinstance(rules, LocalSourceFile):
        return Path(rules).parent
    if isinstance(rules, LocalGitFile):
        import git

        return copied(git.Repo(rules.repo_path), rules.ref) / Path(rules.path).parent
    if isinstance(rules, HostingProviderFile):
        return copied(rules.hosted_repo.repo, rules.ref) / Path(rules.path).parent
    raise WorkflowError(
        f"{rules}: bertfit is more than its Snakefile; give the module as github(...), gitlab(...), "
        "git+file://FOLDER/Snakefile@TAG or a path"
    )


FOLDER = workflow_folder(workflow.current_basedir)
if not (FOLDER / "scripts" / "bertfit").is_dir():
    raise WorkflowError(
        f"{FOLDER}: no folder scripts/bertfit; use a whole copy of the workflow"
    )
