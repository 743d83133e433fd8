"""The project files agree with each other, and the code is clean."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    listed = list(PROJECT["dependencies"])
    for extra in extras:
        listed += PROJECT["optional-dependencies"][extra]
    return listed


def test_environment_yml_holds_the_requirements_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert sorted(pip["pip"][:-1]) == sorted(requirements("notebooks", "test"))
    assert pip["pip"][-1] == "-e ."
    python = next(entry for entry in conda if entry.startswith("python"))
    assert python.removeprefix("python=") in ("3.11", "3.12", "3.13")


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", ("notebooks", "test")),
        ("requirements-gpu.lock", ("notebooks", "test", "gpu")),
    ],
)
def test_lock_pins_and_hashes_every_requirement(lock, extras):
    text = (ROOT / lock).read_text()
    pinned = set(re.findall(r"^([\w.-]+)==\S+", text, re.M))
    wanted = {re.match(r"[\w.-]+", entry)[0].lower() for entry in requirements(*extras)}
    assert wanted <= pinned
    entries = [entry for entry in re.split(r"^(?=\w)", text, flags=re.M) if entry.strip()]
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert ("nvidia-cudnn" in text) == ("gpu" in extras)


def test_make_help_lists_the_targets():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("notebooks", "test", "lab"):
        assert re.search(rf"^{target} ", done.stdout, re.M)


def test_make_names_an_unknown_device():
    command = ["make", "notebooks", "DEVICE=tpu", "VENV=/nonexistent"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "DEVICE must be cpu or gpu, got tpu" in done.stdout


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_code_and_notebooks_are_clean(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command.split(), "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_package_stays_small():
    # What is added pays by something that goes: lower these numbers, never raise them.
    modules = [path.read_text() for path in (ROOT / "coursehelpers").rglob("*.py")]
    assert len(modules) <= 74
    assert sum(text.count("\n") for text in modules) <= 15_750


@pytest.mark.heavy
def test_the_comparison_of_the_readme_runs(capsys):
    (code,) = re.findall(r"```python\n(import keras.*?)```", (ROOT / "README.md").read_text(), re.S)
    exec(code, {})
    printed = capsys.readouterr().out
    assert re.search("(Supported: |Undecided: “|Refuted: “)Early stopping lowers", printed)
    assert "diff high" in printed
