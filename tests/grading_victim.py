"""Grade in a process that kills itself at a chosen moment, with a kernel that costs nothing."""

import itertools
import os
import signal
import sys
import tempfile
import time

from coursehelpers import cli
from coursehelpers.checks.answers import LocalAnswer, NotAttempted
from coursehelpers.grading import judge, results


class FakeKernel:
    """What grading knows of kernels (start, run, ask, end, stop), in this very process."""

    printed = b""

    def __init__(self, isolated, seconds):
        self.ended = None
        self._defined = {}

    def run(self, source, seconds):
        time.sleep(0.003)
        try:
            exec(source, self._defined)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def ask(self, name, seconds):
        if name not in self._defined:
            raise NotAttempted(f"The notebook defines no {name}.")
        return LocalAnswer(self._defined[name], seconds)

    def end(self, why):
        self.ended = why

    def stop(self):
        pass


def grade(arguments, log, homes=None, place=None, count=1, moment="before"):
    """Run the command line, and die the `count`-th time that it comes to the place.

    Parameters
    ----------
    arguments : list of str
    log : path-like
        Where what it prints goes.
    homes : path-like, optional
        Where kernels have their homes; without it there is no real kernel.
    place : str, optional
        "start" or "ask" (a kernel), "append" (of a result), "sync" or "rename" (of a file).
    count : int, default 1
    moment : str, default "before"
        "before" or "after" it, or "half" of an append.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    if homes:
        tempfile.tempdir = str(homes)
    else:
        judge.Kernel = FakeKernel
    results.secrets.token_hex = lambda size: "5e" * size  # the same seeds in every folder
    number = itertools.count(1)

    def die():
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def deadly(function, concerns=lambda *args: True):
        def wrapped(*args, **kwargs):
            if not concerns(*args) or next(number) != count:
                return function(*args, **kwargs)
            if moment == "half":
                handle, data = args
                function(handle, data[: len(data) // 2])
            elif moment == "after":
                function(*args, **kwargs)
            return die()

        return wrapped

    def is_result(handle, data):
        return os.readlink(f"/proc/self/fd/{handle}").endswith(results.RESULTS)

    match place:
        case "start":
            judge.Kernel.__init__ = deadly(judge.Kernel.__init__)
        case "ask":
            judge.Kernel.ask = deadly(judge.Kernel.ask)
        case "append":
            os.write = deadly(os.write, is_result)
        case "sync":
            os.fsync = deadly(os.fsync)
        case "rename":
            os.replace = deadly(os.replace)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    cli.main(["grade", *arguments])
