"""Options and environment that all tests share."""

import importlib
import importlib.abc
import os
import re
import signal
import sys

import hypothesis
import pytest

from coursehelpers.profiles import PROFILES

# Before matplotlib or TensorFlow is imported anywhere.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# How long an example takes on a loaded machine is no property of the code.
hypothesis.settings.register_profile("course", deadline=None)
hypothesis.settings.load_profile("course")

# Its assertions are to be told in full, though its name is no test's.
pytest.register_assert_rewrite("tests.copies")

# A shell lets what runs in its background pass over Ctrl-C, which some tests press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--profile",
        choices=PROFILES,
        default="smoke",
        help="profile in which the notebooks are executed and validated (default: smoke)",
    )
    parser.addoption(
        "--isolation",
        choices=("required", "best"),
        default="best",
        help="whether tests that need bubblewrap fail or are skipped without it (default: best)",
    )
    parser.addoption(
        "--bank-seeds",
        type=int,
        default=1,
        help="seeds with which every answer of the bank is judged (default: 1)",
    )
    parser.addoption(
        "--light",
        action="store_true",
        help="leave out the tests marked `heavy`, and let no other one import TensorFlow",
    )


class WithoutTensorFlow(importlib.abc.MetaPathFinder):
    """Let nothing import TensorFlow, which takes seconds."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise AssertionError(f"The test imports {name}: give it the mark `heavy`.")


def pytest_configure(config):
    if config.getoption("--light"):
        sys.meta_path.insert(0, WithoutTensorFlow())


def pytest_ignore_collect(collection_path, config):
    """Read no module that is left out as a whole: it may import TensorFlow."""
    if config.getoption("--light") and collection_path.suffix == ".py":
        marked = re.search(
            r"^pytestmark = .*mark\.(heavy|slow)\b", collection_path.read_text(), re.M
        )
        other = not collection_path.name.startswith("test_") or "copy_" in collection_path.name
        return True if marked or other else None


# The longest first: what begins last should be short, so that no process waits for the other.
LONGEST = (
    *("test_notebooks", "test_copy_data_augmentation", "test_copy_transfer_learning"),
    "test_copy_regularization",
    *("test_answer_bank", "test_lessons_validate", "test_cli", "test_nbgrader"),
    *("test_mutation", "test_grading", "test_benchmarks", "test_grading_broken", "test_attacks"),
)


def pytest_collection_modifyitems(config, items):
    """Leave out what takes minutes, unless `-m` names its mark, and begin with what takes long."""
    slow = {"attack", "copies", "again", "slow"} - set(config.getoption("markexpr").split())
    slow |= {"heavy", "slow"} if config.getoption("light") else set()
    left = [item for item in items if slow & {mark.name for mark in item.iter_markers()}]
    config.hook.pytest_deselected(items=left)
    order = {name: place for place, name in enumerate(LONGEST)}
    items[:] = sorted(
        (item for item in items if item not in left),
        key=lambda item: order.get(item.path.stem, len(order)),
    )


@pytest.fixture(scope="session")
def profile(request):
    return request.config.getoption("--profile")


@pytest.fixture(scope="session")
def keras_at_hand():
    """Import Keras, which may take longer than a check allows an answer; in a lesson it is there."""
    return importlib.import_module("keras")


@pytest.fixture
def bars(monkeypatch):
    """The bars that are made, in order; each knows whether it was closed."""
    import tqdm

    made = []

    class Recorded(tqdm.tqdm):
        # No thread that looks after bars that stand still.
        monitor_interval = 0

        def __init__(self, *items, **options):
            # Without a terminal the bar would be disabled, and a disabled bar is never closed.
            super().__init__(*items, **{**options, "disable": False})
            self.closed = False
            made.append(self)

        def close(self):
            super().close()
            self.closed = True

    monkeypatch.setattr(tqdm, "tqdm", Recorded)
    return made


@pytest.fixture
def close_figures():
    """Close what a test draws, which has to be done without a screen."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    assert mpl.get_backend().lower() == "agg"
    yield
    plt.close("all")
