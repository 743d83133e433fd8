"""The command line: helpful and instant, one way to end, and no traceback for what users can mend."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from coursehelpers import cli
from coursehelpers import photos as decoding
from coursehelpers.grading import batch
from coursehelpers.lessons import notebooks
from coursehelpers.transfer import cache, workflow
from tests.lessons import notebook, write
from tests.test_transfer import NAMES, SIZE, cats_and_dogs_on_disk  # noqa: F401  (the fixture root)
from tests.tiny_backbone import tiny_backbone

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[1]
COMMANDS = ("grade", "gradescope", "transfer", "run", "validate", "publish", "student")
# Keras stores variables through an interface of NumPy 1.
stores = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def same_signals():
    """Leave signals to the other tests as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def call(*arguments):
    """Run a command; return its exit status."""
    with pytest.raises(SystemExit) as end:
        cli.main([*map(str, arguments)])
    return end.value.code


# help


def test_help_of_all_commands_is_instant_and_has_an_example():
    code = f"""
import contextlib, io, json, sys
from coursehelpers.cli import main

told = {{}}
for command in {COMMANDS}:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main([command, "--help"])
    told[command] = out.getvalue()
print(json.dumps([told, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told, modules = json.loads(done.stdout)
    for command in COMMANDS:
        assert f"\n  coursehelpers {command} " in told[command]
    assert all(word in told["grade"] for word in ("--checks", "--jobs", "--out", "130 interrupted"))
    assert {"tensorflow", "keras", "numpy", "nbformat"}.isdisjoint(modules)
    assert not [name for name in modules if name.startswith("coursehelpers.") and "." in name[14:]]


def test_module_runs_and_lists_the_commands():
    command = [sys.executable, "-m", "coursehelpers", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: coursehelpers [-h] COMMAND")
    assert all(f"    {name}" in done.stdout for name in COMMANDS)


# ends


GRADE = ("grade", "a.ipynb", "--notebook", "b")


@pytest.mark.parametrize(
    ("arguments", "error", "status", "says"),
    [
        (GRADE, KeyboardInterrupt(), 130, "Interrupted. What was graded is kept; the same command"),
        (GRADE, OSError(28, "Full"), 1, "Stopped: [Errno 28] Full. What was graded is kept; the"),
        (GRADE, SystemExit("No such."), 2, "No such."),
        (["run"], KeyboardInterrupt(), 130, "Interrupted. What ran so far is kept in the build f"),
        (["student"], OSError(28, "Full"), 1, "Stopped: [Errno 28] Full. What ran so far is"),
        (["publish"], SystemExit("No such."), 1, "No such."),
        (["validate"], SystemExit(3), 3, None),
    ],
)
def test_command_ends_with_a_line_and_a_status(arguments, error, status, says, capsys, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(batch, "grade_batch", fail)
    monkeypatch.setattr(notebooks, "find", fail)
    monkeypatch.chdir(ROOT)
    assert call(*arguments) == status
    assert capsys.readouterr().err.startswith(f"coursehelpers: {says}" if says else "")


def test_hangup_is_like_an_interrupt_unless_it_is_ignored(monkeypatch):
    monkeypatch.setattr(batch, "grade_batch", lambda *_, **__: 0)
    assert call(*GRADE) == 0
    assert signal.getsignal(signal.SIGHUP) is signal.default_int_handler
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    assert call(*GRADE) == 0
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


# notebooks


def test_run_fails_on_a_faulty_notebook_and_goes_on(tmp_path, capsys):
    for name, source in (("a", "1 / 0"), ("b", "1 + 1")):
        write(tmp_path / f"{name}.ipynb", notebook(source))
    build = tmp_path / "build"
    options = ("--notebooks", tmp_path, "--build", build, "--profile", "smoke")
    assert call("run", *options) == 1
    out, err = capsys.readouterr()
    assert "FAILED a: cell cell-2 raised ZeroDivisionError: division by zero" in out
    assert re.search(r"^b +2 ", out, re.M)
    assert "[2/2] executing b (PROFILE=smoke, SEED=0, DEVICE=cpu)" in err
    assert "Traceback" not in err
    assert (build / "smoke" / "b.ipynb").exists()


def test_unknown_notebook_is_named(tmp_path, capsys):
    write(tmp_path / "a.ipynb", notebook())
    assert call("run", "b", "--notebooks", tmp_path) == 1
    told = f"coursehelpers: There is no notebook b in {tmp_path}; there are: a.\n"
    assert capsys.readouterr().err == told


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="a GPU is there")
def test_gpu_run_without_a_gpu_is_an_error(tmp_path, capsys):
    write(tmp_path / "a.ipynb", notebook("1"))
    build = tmp_path / "build"
    assert call("run", "--notebooks", tmp_path, "--build", build, "--device", "gpu") == 1
    assert "DEVICE is gpu, but TensorFlow finds no usable GPU" in capsys.readouterr().err
    assert not build.exists()


# Modules of the extra `test`, but for pytest and PyYAML, which the extra `notebooks` needs, too.
TEST_ONLY = {"hatchling", "hypothesis", "mypy", "nbgrader", "ruff", "skimage", "xdist"}
BLOCKER = f"""
import sys

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {TEST_ONLY}:
            raise ModuleNotFoundError(name + " is of the extra test only", name=name)

sys.meta_path.insert(0, Blocker)
"""
ALL = """
import pkgutil
from importlib import import_module

import coursehelpers

for module in pkgutil.walk_packages(coursehelpers.__path__, "coursehelpers."):
    if not module.name.endswith("__main__"):
        import_module(module.name)

from coursehelpers.cli import main

for command in ("run", "publish", "validate", "student"):
    try:
        main([command])
    except SystemExit as end:
        assert end.code == 0, (command, end.code)
"""


def test_what_executes_notebooks_needs_nothing_of_what_tests(tmp_path):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert len(extras["test"]) == len(TEST_ONLY) + 2
    # Processes that the commands start find the blocker, too.
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BLOCKER)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "README.md").touch()
    path = write(tmp_path / "notebooks" / "a.ipynb", notebook("1 + 1"))
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT}"}
    refused = subprocess.run(
        [sys.executable, "-c", "import nbgrader"], env=env, capture_output=True
    )
    assert b"nbgrader is of the extra test only" in refused.stderr
    done = subprocess.run(
        [sys.executable, "-c", ALL], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a: agrees with its stored outputs; compared 1 of 1 output cells (100%," in done.stdout
    assert notebooks.read(path).cells[-1].outputs[0].data["text/plain"] == "2"
    assert (tmp_path / "notebooks" / "student" / "a.ipynb").exists()


# transfer

QUICK = ["--image-size", str(SIZE)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of this test's own, and a backbone that is built in no time."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    build = workflow.build_backbone

    def tiny(name, **options):
        return tiny_backbone(SIZE) if name == workflow.OFFLINE else build(name, **options)

    monkeypatch.setattr(workflow, "build_backbone", tiny)
    return tmp_path / "cache"


def lines(text):
    return {line[:12].strip(): line[12:] for line in text.splitlines() if line[0] != " "}


def test_options_have_the_defaults_of_the_function(monkeypatch):
    given = {}

    def stop(folder, **options):
        given.update(options)
        raise ValueError

    monkeypatch.setattr("coursehelpers.transfer.transfer", stop)
    assert call("transfer", "photos") == 1
    defaults = inspect.signature(workflow.transfer).parameters
    assert given.pop("image_size") == workflow.IMAGE_SIZE
    assert given == {name: defaults[name].default for name in given}


@stores
@pytest.mark.usefixtures("folder")
def test_table_and_model_come_out(root, capsys, tmp_path):
    import keras

    saved = tmp_path / "model.keras"
    assert call("transfer", root, *QUICK, "--save", saved, "--keep-last", "1") == 0
    out, err = capsys.readouterr()
    told = lines(out)
    assert list(told) == [
        *("classes", "photos", "validation", "test", "seconds", "skipped", "model")
    ]
    assert told["classes"] == "cat, dog"
    assert told["photos"] == "32 training, 8 validation, 8 test"
    assert re.fullmatch(r"[01]\.\d{3} \(95 % interval .* to .*\)", told["test"])
    assert told["skipped"] == "1 files"
    assert "broken.jpg is not an image" in out
    assert err == ""
    model = keras.models.load_model(saved)
    p = model.predict(np.full((1, SIZE, SIZE, 3), 230, np.uint8), verbose=0)
    assert NAMES[p.argmax()] == "cat"


def test_cache_is_used_unless_it_is_off(root, capsys, folder, tmp_path):
    assert call("transfer", root, *QUICK, "--no-cache", "--test", "0") == 0
    assert lines(capsys.readouterr().out)["test"] == "no photos"
    assert not folder.exists()
    assert call("transfer", root, *QUICK, "--cache", tmp_path / "mine") == 0
    assert len(list((tmp_path / "mine").iterdir())) == 1
    (tmp_path / "file").write_text("")
    assert call("transfer", root, *QUICK, "--cache", tmp_path / "file") == 0
    assert "Note: The features cannot be stored in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing"], "The folder missing is missing"),
        ([".", "--keep-last", "9"], "keep_last must be between 1 and 4"),
        ([".", "--backbone", "resnet"], "There is no backbone 'resnet'"),
        ([".", "--weights", "no.h5", "--backbone", "vgg16"], "no file of weights at no.h5"),
        ([".", "--image-size", "-3"], "image_size must be an integer of at least 1"),
        ([".", "--validation", "0"], "validation part is empty"),
        ([".", "--seed", "-1"], "SEED must be an integer"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_errors_of_the_user_have_no_traceback(root, capsys, monkeypatch, arguments, says):
    monkeypatch.chdir(root)
    assert call("transfer", *arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("coursehelpers: ")
    assert says in err


def test_mistakes_of_ours_have_one(monkeypatch):
    monkeypatch.setattr("coursehelpers.transfer.transfer", lambda *_, **__: {}["mistake"])
    with pytest.raises(KeyError, match="mistake"):
        cli.main(["transfer", "photos"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required: folder"),
        ([".", "--save", "model.h5"], "--save must end in .keras, got model.h5"),
        ([".", "--save", "nowhere/model.keras"], "nothing can be written to the folder nowhere"),
        ([".", "--cache", "x", "--no-cache"], "contradict each other"),
        ([".", "--image-size", "big"], "invalid int value: 'big'"),
    ],
)
def test_wrong_calls_are_refused_before_anything_starts(capsys, monkeypatch, arguments, says):
    monkeypatch.setattr("coursehelpers.profiles.prepare", lambda *_: pytest.fail("started"))
    assert call("transfer", *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("usage: coursehelpers transfer ")
    assert says in err


def test_interrupt_is_one_line_and_leaves_nothing(root, capsys, monkeypatch, folder):
    decode = decoding.decode

    def interrupt(path, *options):
        if path.stem == "20":
            os.kill(os.getpid(), signal.SIGINT)
        return decode(path, *options)

    monkeypatch.setattr(decoding, "decode", interrupt)
    assert call("transfer", root, *QUICK, "--batch-size", "2") == 130
    out, err = capsys.readouterr()
    assert (out, err) == ("", "coursehelpers: Interrupted.\n")
    assert not folder.exists()
