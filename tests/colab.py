"""Execute the students' copies as Colab does: from an installed package, in an empty folder.

A new environment gets the wheel, the oldest TensorFlow, Keras and IPython that are supported on
this Python, and a kernel. Then, without network where the system can take it away, each copy runs from
top to bottom, and has to come out as that of a student who has not begun, with the claims as published.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from packaging.requirements import Requirement

from coursehelpers.lessons import notebooks
from coursehelpers.profiles import PROFILES

ROOT = Path(__file__).parents[1]
WHENCE = "import coursehelpers\nprint(coursehelpers.__file__)"
OFFLINE = (
    "unshare",
    "--map-root-user",
    "--net",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
)


def oldest(name):
    """Return the oldest release of a package that pyproject.toml allows on this Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for entry in map(Requirement, project["dependencies"]):
        if entry.name == name and (entry.marker is None or entry.marker.evaluate()):
            (least,) = [bound.version for bound in entry.specifier if bound.operator == ">="]
            return f"{name}=={least}.*"
    raise SystemExit(f"pyproject.toml names no {name} for this Python.")


def install(folder):
    """Build the wheel, install it into a new environment, and return that one's Python."""
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    print("building the wheel", file=sys.stderr, flush=True)
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    subprocess.run([sys.executable, *pip, *build], check=True)
    (wheel,) = folder.glob("*.whl")
    wanted = [oldest("tensorflow"), oldest("keras"), oldest("ipython"), "ipykernel"]
    print(f"installing it with {', '.join(wanted)}: about two minutes", file=sys.stderr, flush=True)
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([python, *pip, "install", *wanted, wheel], check=True)
    return python


def execute(path, folder, profile):
    """Execute a copy in an empty folder; return what is wrong with the outcome."""
    notebook = notebooks.read(path)
    (parameters,) = [c for c in notebook.cells if "parameters" in notebooks.tags(c)]
    parameters.source = parameters.source.replace('"standard"', f'"{profile}"')
    notebook.cells.append(nbformat.v4.new_code_cell(WHENCE, id="whence"))
    empty = folder / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    client = NotebookClient(
        notebook,
        timeout=300,
        allow_errors=True,
        kernel_name="colab",
        resources={"metadata": {"path": str(empty)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    client.execute()
    nbformat.write(notebook, folder / path.name)
    whence = notebook.cells.pop().outputs[0].text
    problems = [
        f"cell {cell.id}: {output.get('evalue') or output.get('text')}"
        for cell in notebooks.code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    if not whence.startswith(str(folder / "env")):
        problems.append(f"the package is not the installed one, but {whence}")
    if profile == "standard":
        published = notebooks.read(ROOT / "notebooks" / path.name)
        for claim in notebooks.changed_claims(published, notebook):
            print(f"{path.stem}: {claim.statement} {claim.published}, now {claim.now}")
            problems += [] if claim.by_a_thread else [f"{claim.statement} is {claim.now}"]
        problems += notebooks.contradictions(notebook, notebook)
    told = "\n".join(
        output.data.get("text/plain", "")
        for cell in notebook.cells
        if cell.id == "score"
        for output in cell.outputs
        if "data" in output
    )
    last = told.splitlines()[-1:] or ["no score"]
    print(f"{path.stem}: {last[0]}; {len(problems)} problems", flush=True)
    if not last[0].startswith("0 of ") or "not done yet" not in last[0]:
        problems.append(f"the score of an untouched copy: {last[0]}")
    return problems


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.colab", description=__doc__)
    parser.add_argument("nb", nargs="*", help="names of notebooks; default all")
    parser.add_argument("--folder", type=Path, default=Path("build/colab"), help="where to work")
    parser.add_argument("--profile", choices=PROFILES, default="standard")
    parser.add_argument("--installed", action="store_true", help="use what is installed there")
    options = parser.parse_args()
    folder = options.folder.resolve()
    if not options.installed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        python = install(folder)
        kernel = ("-m", "ipykernel", "install", "--prefix", folder / "env", "--name", "colab")
        subprocess.run([python, *kernel], check=True, stdout=subprocess.DEVNULL)
        home = folder / "env" / "share" / "jupyter"
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        env |= {"JUPYTER_PATH": str(home), "JUPYTER_PLATFORM_DIRS": "1", "HOME": str(folder)}
        offline = OFFLINE if subprocess.run([*OFFLINE, "true"], check=False).returncode == 0 else ()
        if not offline:
            print("The network stays on: this system cannot take it away.", file=sys.stderr)
        again = (sys.executable, "-m", "tests.colab", *options.nb, "--installed")
        again += ("--profile", options.profile)
        sys.exit(subprocess.run([*offline, *again], env=env, cwd=ROOT, check=False).returncode)
    problems = []
    for path in notebooks.find(ROOT / "notebooks" / "student", options.nb):
        print(f"executing {path.stem}", file=sys.stderr, flush=True)
        problems += execute(path, folder, options.profile)
    sys.exit("\n".join(problems) or 0)


if __name__ == "__main__":
    main()
