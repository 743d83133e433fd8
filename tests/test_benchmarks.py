"""The benchmarks run and print their tables; how fast things are is not tested here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def run(name, *options):
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "training",
            [
                r"growth per seed from seed 5 on +-?\d+\.\d+ +below 1 +(ok|MISSED)",
                r"compare, with its reset +\d+\.\d+",
                r"bare compiled loop +\d+\.\d+ +compare / bare .* at most 1\.3 +(ok|MISSED)",
                r"fit, compiled before +\d+\.\d+ +fit / compare .* at least 3 +(ok|MISSED)",
                r"fit, a new model per seed +\d+\.\d+ +anew / compare",
                r"once, before the first epoch: compare",
            ],
        ),
        (
            "augmentation",
            [
                r"none +\d+\.\d+",
                r"flip, shift +\d+\.\d+ +augmented / none .* at most 1\.5 +(ok|MISSED)",
                r"flip, RandAugment +\d+\.\d+ +augmented / none",
            ],
        ),
        (
            "backbone",
            [
                r"96 x 96, as it is +\d+\.\d+",
                r"224 x 224, folded +\d+\.\d+ +CPU, as it is / folded",
                r"seconds for 4000 photos of 96 x 96 +\d+\.\d+ +at most 30 +(ok|MISSED)",
            ],
        ),
        (
            "checks",
            [
                r"l2_penalty +\d+\.\d+ +most .* at most 0\.2 +(ok|MISSED)",
                r"choose_strategy +\d+\.\d+ +most .* at most 0\.2 +(ok|MISSED)",
            ],
        ),
        (
            "grading",
            [
                r"start of the kernel +\d+\.\d+",
                r"answering +\d+\.\d+",
                r"judging +\d+\.\d+",
                r"two at a time +\d+\.\d+ +one / two",
            ],
        ),
    ],
)
def test_quick_benchmark_prints_its_table(name, rows):
    done = run(name, "--quick", "--rounds", "1")
    assert done.returncode in (0, 1), done.stderr
    for what in rows:
        assert re.search(what, done.stdout), done.stdout
    assert done.returncode == ("MISSED" in done.stdout)


@pytest.mark.parametrize("name", ["training", "augmentation", "backbone", "checks"])
def test_rounds_have_to_be_there(name):
    done = run(name, "--rounds", "0")
    assert done.returncode == 2
    assert "--rounds must be at least 1, got 0" in done.stderr
