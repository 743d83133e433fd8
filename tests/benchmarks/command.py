"""What all benchmarks share: their options, and how they print."""

import argparse
import sys

import numpy as np


def run(doc, name, rounds, quick, measure, arguments=None):
    """Run a benchmark from the command line, and return the exit status.

    Parameters
    ----------
    doc, name : str
        The docstring of its module, of which `--help` shows the first line, and the module's name.
    rounds : tuple of int and str
        How often it measures by default, and what.
    quick : str
        What is left out to try the benchmark itself.
    measure : callable
        Called with the rounds and with whether it is to be quick; returns the exit status.
    arguments : list of str, optional
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{name}", description=doc.splitlines()[0]
    )
    default, what = rounds
    help = f"{what} (default: {default})"
    parser.add_argument("--rounds", type=int, default=default, help=help)
    parser.add_argument("--quick", action="store_true", help=quick)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}.")
    try:
        return int(measure(options.rounds, options.quick))
    except KeyboardInterrupt:
        tell()
        print("Interrupted.", file=sys.stderr)
        return 130


def row(what, value, name="", ratios=(), limit="", met=None):
    """Print a row, and return whether its limit is missed."""
    ratio = ""
    if len(ratios):
        ratio = f"{name} {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    verdict = {None: "", True: "ok", False: "MISSED"}[met if met is None else bool(met)]
    print(f"  {what:<38}{value:>8.2f}   {ratio:<38}{limit:<13}{verdict}".rstrip(), flush=True)
    return verdict == "MISSED"


def tell(text=""):
    """Write the progress line, which the next one replaces; without a text, clear it."""
    if sys.stderr.isatty():
        print(f"\r{text:<79}", end="" if text else "\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
