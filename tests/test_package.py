"""The package as a whole: what importing it costs, and what its wheel carries."""

import ast
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import coursehelpers
from coursehelpers.data import recorded_hashes

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Each of these takes from tenths of a second to several seconds to import.
HEAVY = {"tensorflow", "keras", "pandas", "matplotlib"}


def run_python(code, **options):
    """Run code in a fresh interpreter, where nothing is imported yet; return what it prints."""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def imported_by(statement):
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    return {module.partition(".")[0] for module in run_python(code)}


def test_import_of_the_package_imports_nothing_heavy():
    modules = imported_by("import coursehelpers")
    assert "coursehelpers" in modules
    assert not modules & (HEAVY | {"scipy", "numpy"})


@pytest.mark.parametrize(
    "module",
    [
        "data",
        "photos",
        "models",
        "checks",
        "training",
        "metrics",
        "claims",
        "layer_statistics",
        "plots",
    ]
    + ["transfer"],
)
def test_import_of_a_module_imports_nothing_heavy(module):
    modules = imported_by(f"import numpy, coursehelpers.{module}")
    assert "numpy" in modules
    assert not modules & HEAVY


def test_import_of_the_package_is_instant():
    code = (
        "import time; start = time.process_time(); import coursehelpers; "
        "print(time.process_time() - start)"
    )
    # Processor time, and the best of five: a busy machine only ever makes an import slower.
    assert min(run_python(code) for _ in range(5)) <= 0.1


@pytest.mark.parametrize(
    "name",
    [
        "augment",
        "checks.core",
        "checks.declared",
        "checks.display",
        "checks.formula",
        "checks.quiz",
        "claims",
        "data",
    ]
    + ["grading.frame", "layer_statistics", "metrics", "models", "photos", "plots.core"]
    + ["plots.data", "plots.model", "plots.training", "profiles", "training", "transfer.features"]
    + ["transfer.heads", "transfer.strategies", "transfer.tuning", "transfer.workflow"],
)
def test_whatever_has_its_parameters_documented_has_type_hints(name):
    tree = ast.parse((ROOT / "coursehelpers" / f"{name.replace('.', '/')}.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    documented = [node for node in functions if "\n---" in (ast.get_docstring(node) or "")]
    assert documented
    for node in documented:
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        hints = [argument.annotation for argument in named if argument.arg not in ("self", "cls")]
        assert all([*hints, node.returns]), node.name


def test_version_is_the_one_of_the_project():
    assert coursehelpers.__version__ == PROJECT["version"]
    assert imported_by("import coursehelpers; coursehelpers.__version__").isdisjoint(HEAVY)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'coursehelpers' has no attribute 'nothing'"):
        coursehelpers.nothing  # noqa: B018  (the access is the test)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_carries_every_file_of_the_package_and_every_data_file(wheel):
    licences = [path.relative_to(ROOT / "data").as_posix() for path in ROOT.glob("data/*/LICENSE*")]
    data = ["README.md", *licences, *recorded_hashes(ROOT / "data")]
    package = [
        path.relative_to(ROOT).as_posix()
        for suffix in ("py", "html", "css", "typed")
        for path in (ROOT / "coursehelpers").rglob(f"*.{suffix}")
    ]
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if n.startswith("coursehelpers/")}
        for name in data:
            assert (
                archive.read(f"coursehelpers/_data/{name}") == (ROOT / "data" / name).read_bytes()
            )
    # The script that makes the data needs the checkout and stays there.
    assert {n for n in names if "/_data/" in n} == {f"coursehelpers/_data/{n}" for n in data}
    assert set(package) <= names


def test_installed_wheel_loads_its_own_data_from_any_folder(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        + ["--no-index", "--no-deps", "--no-compile", "--target", str(site), str(wheel)],
        check=True,
        capture_output=True,
    )
    # The checkout may be installed too, in editable mode; PYTHONPATH comes before it.
    found = run_python(
        "import json, coursehelpers; from coursehelpers import data; "
        "(x, y), (x_test, y_test) = data.load_fashion_mnist(); data.load_cats_dogs(); data.load_digits(); "
        "data.load_efficientnet_lite0(); data.load_imagenet_classes(); "
        "print(json.dumps([coursehelpers.__version__, data.__file__, str(data.data_folder()), "
        "[a.shape for a in (x, y, x_test, y_test)]]))",
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"},
    )
    package = (site / "coursehelpers").resolve()
    assert found == [
        PROJECT["version"],
        str(package / "data.py"),
        str(package / "_data"),
        [[60000, 28, 28], [60000], [10000, 28, 28], [10000]],
    ]
