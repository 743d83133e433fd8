"""Options and environment that all tests share."""

import os

import pytest

from coursehelpers.profiles import PROFILES

# Before matplotlib or TensorFlow is imported anywhere.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def pytest_addoption(parser):
    parser.addoption(
        "--profile",
        choices=PROFILES,
        default="quick",
        help="profile in which the notebooks are executed and validated (default: quick)",
    )


@pytest.fixture(scope="session")
def profile(request):
    return request.config.getoption("--profile")
