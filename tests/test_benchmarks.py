"""The benchmark runs and prints its table; how fast things are is not tested here."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "tests.benchmarks.training"]


def run(*options):
    return subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True)


def test_quick_benchmark_prints_its_table():
    done = run("--quick", "--rounds", "1")
    assert done.returncode in (0, 1), done.stderr
    for what in (
        r"growth per seed from seed 5 on +-?\d+\.\d+ +below 1 +(ok|MISSED)",
        r"compare, with its reset +\d+\.\d+",
        r"bare compiled loop +\d+\.\d+ +compare / bare .* at most 1\.3 +(ok|MISSED)",
        r"fit, compiled before +\d+\.\d+ +fit / compare .* at least 3 +(ok|MISSED)",
        r"fit, a new model per seed +\d+\.\d+ +anew / compare",
        r"once, before the first epoch: compare",
    ):
        assert re.search(what, done.stdout), done.stdout
    assert done.returncode == ("MISSED" in done.stdout)


def test_rounds_have_to_be_there():
    done = run("--rounds", "0")
    assert done.returncode == 2
    assert "--rounds must be at least 1, got 0" in done.stderr
