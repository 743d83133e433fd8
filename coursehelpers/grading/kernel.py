"""Start a kernel, run cells in it, ask it, stop it: all that grading knows of kernels."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, cast

import numpy as np

from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, NotAttempted
from coursehelpers.checks.values import UnsupportedValue, decode, encode
from coursehelpers.grading import isolation
from coursehelpers.grading.protocol import TROUBLES, Channel, ProtocolError, ReplyTimeout
from coursehelpers.grading.text import plain

MAX_PRINTED = 100_000
GRACE_SECONDS = 5  # beyond an exercise's own limit, such as for building what is asked about
TOO_LONG = "Your code took longer than the check allows."


class KernelDied(Exception):
    """The kernel is gone or was ended; the text says why."""


class Kernel:
    """A fresh process for one submission.

    Parameters
    ----------
    isolated : isolation.Isolation
        How it is kept apart.
    seconds : float, default 900
        For all cells and questions together.

    Attributes
    ----------
    ended : str or None
        Why nothing can be asked of it any more, if so.
    printed : bytes
        The first that it has printed.
    """

    def __init__(self, isolated, seconds=900.0):
        self._home = tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True)
        self.printed = b""
        isolation.give(self._home.name)
        self._user = os.stat(self._home.name).st_uid  # a submission may replace its home
        # Nothing of the environment or of the home decides what this Python imports.
        command = [sys.executable, "-I", "-B", "-m", "coursehelpers.grading.serve"]
        process = subprocess.Popen(
            isolated.command(command, self._home.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._home.name,
            env=isolation.environment(self._home.name),
            start_new_session=True,
        )
        self._process = cast(Any, process)  # mypy takes its pipes for optional
        os.set_blocking(self._process.stdin.fileno(), False)
        self._channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        self.ended = None
        self._end_of_time = time.monotonic() + seconds

    def run(self, source, seconds):
        """Run a cell; return None or the text of the error that it raised."""
        try:
            header, _ = self._exchange({"verb": "run"}, source.encode(), seconds)
        except AnswerTimedOut:
            raise AnswerTimedOut(
                f"A cell ran longer than {seconds} s, so the kernel was ended."
            ) from None
        return plain(header.get("text")) if header["status"] == "error" else None

    def ask(self, name, seconds):
        """Return the answer to an exercise, to be asked by its check."""
        header, _ = self._exchange(
            {"verb": "begin", "exercise": name, "seconds": seconds}, b"", GRACE_SECONDS
        )
        if header["status"] != "ok":
            raise _trouble(header)
        return RemoteAnswer(self._exchange, name, seconds)

    def stop(self):
        """End the process and everything it has started."""
        try:
            isolation.end(self._process, self._home.name, self._user)
        finally:
            self._reader.join(1)
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
            self._home.cleanup()

    def _exchange(self, request, body, seconds):
        if self.ended:
            raise KernelDied(self.ended)
        nonce = secrets.token_hex(16)
        seconds = min(seconds, max(self._end_of_time - time.monotonic(), 0))
        try:
            if self._channel.pending():
                raise ProtocolError("it sent something that nobody had asked for")
            self._channel.send({**request, "nonce": nonce}, body, seconds)
            header, reply = self._channel.receive(seconds)
            if header.get("nonce") != nonce:
                raise ProtocolError("it sent something that nobody had asked for")
            if header.get("status") not in ("ok", *TROUBLES):
                raise ProtocolError("it sent a reply of no kind that there is")
        except ReplyTimeout:
            self.end("It took longer than allowed, and was ended.")
            if time.monotonic() >= self._end_of_time:
                raise KernelDied("The notebook took too long, all cells together.") from None
            raise AnswerTimedOut(TOO_LONG) from None
        except ProtocolError as error:
            self.end(self._last_words() or f"The kernel was ended: {error}.")
            raise KernelDied(self.ended) from None
        return header, reply

    def end(self, why):
        """End the process; nothing can be asked of it any more."""
        self.ended = why
        # Not only the process: bubblewrap, killed as it starts, may leave its child behind.
        isolation.end(self._process, self._home.name, self._user)

    def _last_words(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            # A sandbox tells a signal as a shell does.
            number = -code if code < 0 else code - 128
            with contextlib.suppress(ValueError):  # not every number has a name
                return f"The kernel died of signal {number} ({signal.Signals(number).name})."
            return f"The notebook ended the kernel, with exit code {code}."
        return ""

    def _drain(self):
        # This thread's own file, which it closes: nobody else's descriptor is ever read here.
        with self._process.stderr as stream:
            while part := stream.read1(65536):
                # What is more is read and thrown away: a full pipe would stop the kernel.
                self.printed += part[: MAX_PRINTED - len(self.printed)]


class RemoteAnswer:
    """An answer in another process, with the methods of `LocalAnswer`.

    Whatever that process may have become, a reply is of the form that `LocalAnswer` gives it.
    """

    def __init__(self, exchange, name, seconds):
        self._exchange = exchange
        self._name = name
        # The kernel counts what the student's code takes; fixtures are not counted there.
        self._left = 2 * seconds + GRACE_SECONDS

    def call(self, *values):
        """Call the answer, a function, with the values; return its value."""
        return self._ask("call", *values)

    def predict(self, x, model, training=False):
        """Return a model's outputs for a batch of inputs."""
        return self._ask("predict", x, training=training, model=model)

    def config(self, model):
        """Return a model's public configuration."""
        return self._ask("config", model=model, form=lambda reply: isinstance(reply, dict))

    def weights(self, model):
        """Return a model's weights: a list of dicts with ``path``, ``trainable``, ``value``."""
        return self._ask("weights", model=model, form=_are_weights)

    def penalties(self, model):
        """Return what a model adds to its loss: a list of numbers."""
        return self._ask("penalties", model=model, form=_are_numbers)

    def train_step(self, x, y, model):
        """Train a model on one batch; return the loss."""
        return self._ask("train_step", x, y, model=model, form=lambda r: isinstance(r, float))

    def _ask(self, verb, *args, form=None, **kwargs):
        if self._left <= 0:
            raise AnswerTimedOut(TOO_LONG)
        body = encode({"args": list(args), "kwargs": kwargs})
        start = time.monotonic()
        request = {"verb": verb, "exercise": self._name}
        header, reply = self._exchange(request, body, self._left)
        self._left -= time.monotonic() - start
        if header["status"] != "ok":
            raise _trouble(header)
        try:
            value = decode(reply)
        except UnsupportedValue as error:
            raise AnswerError(f"Your answer cannot be read. {error}") from None
        if form is not None and not form(value):
            raise AnswerError(f"The notebook has changed how its answers are read ({verb}).")
        return value


def _are_weights(reply):
    return isinstance(reply, list) and all(
        isinstance(weight, dict)
        and weight.keys() == {"path", "trainable", "value"}
        and isinstance(weight["path"], str)
        and isinstance(weight["trainable"], bool)
        and isinstance(weight["value"], np.ndarray)
        for weight in reply
    )


def _are_numbers(reply):
    return isinstance(reply, list) and all(isinstance(number, float) for number in reply)


def _trouble(header):
    """Return what to raise for a reply without a value; its words are the submission's own."""
    if header["status"] == "timed out":
        return AnswerTimedOut(TOO_LONG)
    if header["status"] == "not attempted":
        return NotAttempted("There is no answer yet.")
    words = plain(header.get("text"))
    # Said of an exception nothing looks like a verdict; of anything else it might.
    if not words.startswith("Your code raised "):
        words = words.translate({ord("“"): '"', ord("”"): '"'})
        words = f"Your notebook reports: “{words}”"
    return AnswerError(words)
