"""The command line: a table at the end, and no traceback for what the user can mend."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coursehelpers import photos as decoding
from coursehelpers.transfer import __main__ as cli
from coursehelpers.transfer import cache, workflow
from tests.test_transfer import NAMES, SIZE, cats_and_dogs_on_disk  # noqa: F401  (the fixture root)
from tests.tiny_backbone import tiny_backbone

# Keras stores variables through an interface of NumPy 1.
stores = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
QUICK = ["--image-size", str(SIZE)]


@pytest.fixture(autouse=True)
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


@stores
def test_table_and_model_come_out(root, capsys, tmp_path):
    import keras

    saved = tmp_path / "model.keras"
    assert cli.main([str(root), *QUICK, "--save", str(saved), "--keep-last", "1"]) == 0
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
    assert cli.main([str(root), *QUICK, "--no-cache"]) == 0
    assert not folder.exists()
    assert cli.main([str(root), *QUICK, "--cache", str(tmp_path / "mine")]) == 0
    assert len(list((tmp_path / "mine").iterdir())) == 1
    (tmp_path / "file").write_text("")
    assert cli.main([str(root), *QUICK, "--cache", str(tmp_path / "file")]) == 0
    assert "Note: The features cannot be stored in" in capsys.readouterr().err


def test_no_test_photos_are_told(root, capsys):
    assert cli.main([str(root), *QUICK, "--test", "0"]) == 0
    assert lines(capsys.readouterr().out)["test"] == "no photos"


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
def test_errors_of_the_user_have_no_traceback(root, capsys, monkeypatch, arguments, says):
    monkeypatch.chdir(root)
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert says in err


def test_mistakes_of_ours_have_one(root, monkeypatch):
    monkeypatch.setattr(cli, "transfer", lambda *_, **__: {}["mistake"])
    with pytest.raises(KeyError, match="mistake"):
        cli.main([str(root)])


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
    monkeypatch.setattr(cli, "run", lambda options: pytest.fail("started"))
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_interrupt_is_one_line_and_leaves_nothing(root, capsys, monkeypatch, folder):
    decode = decoding.decode

    def interrupt(path, *options):
        if path.stem == "20":
            os.kill(os.getpid(), signal.SIGINT)
        return decode(path, *options)

    monkeypatch.setattr(decoding, "decode", interrupt)
    assert cli.main([str(root), *QUICK, "--batch-size", "2"]) == 130
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Interrupted.\n")
    assert not folder.exists()


def test_module_runs_and_its_help_starts_no_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "coursehelpers.transfer", "--help"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: python -m coursehelpers.transfer ")
    for option in ("--image-size", "--keep-last", "--save", "--no-cache"):
        assert option in done.stdout
    assert "tensorflow" not in done.stderr
