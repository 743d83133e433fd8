"""Start a kernel, run cells in it, ask it, stop it: all that grading knows of kernels."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading

from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, NotAttempted
from coursehelpers.checks.values import UnsupportedValue, decode, encode
from coursehelpers.grading import isolation
from coursehelpers.grading.protocol import TROUBLES, Channel, ProtocolError, ReplyTimeout

MAX_PRINTED = 100_000
START_SECONDS = 60
GRACE_SECONDS = 5  # beyond an exercise's own limit, such as for building what is asked about


class KernelDied(Exception):
    """The kernel is gone or was ended; the text says why."""


class Kernel:
    """A fresh process for one submission.

    Parameters
    ----------
    isolated : isolation.Isolation
        How it is kept apart.

    Attributes
    ----------
    ended : str or None
        Why nothing can be asked of it any more, if so.
    """

    def __init__(self, isolated):
        self._home = tempfile.TemporaryDirectory(prefix="submission-")
        self.printed = b""
        isolation.give(self._home.name)
        command = [sys.executable, "-P", "-m", "coursehelpers.grading.serve"]
        self._process = subprocess.Popen(
            isolated.command(command, self._home.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._home.name,
            env=isolation.environment(self._home.name),
            start_new_session=True,
        )
        os.set_blocking(self._process.stdin.fileno(), False)
        self._channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        self.ended = None

    def run(self, source, seconds):
        """Run a cell; return None or the text of the error that it raised."""
        try:
            header, _ = self._exchange({"verb": "run"}, source.encode(), seconds)
        except AnswerTimedOut:
            raise AnswerTimedOut(
                f"A cell ran longer than {seconds} s, so the kernel was ended."
            ) from None
        return header.get("text") if header["status"] == "error" else None

    def ask(self, name, seconds):
        """Return the answer to an exercise, to be asked by its check."""
        header, _ = self._exchange(
            {"verb": "begin", "exercise": name, "seconds": seconds}, b"", GRACE_SECONDS
        )
        if header["status"] != "ok":
            raise NotAttempted(_text(header))
        return RemoteAnswer(self._exchange, name, seconds)

    def stop(self):
        """End the process and everything it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._reader.join(1)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        self._home.cleanup()

    def _exchange(self, request, body, seconds):
        if self.ended:
            raise KernelDied(self.ended)
        nonce = secrets.token_hex(16)
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
            raise AnswerTimedOut("Your code took longer than the check allows.") from None
        except ProtocolError as error:
            self.end(self._last_words() or f"The kernel was ended: {error}.")
            raise KernelDied(self.ended) from None
        return header, reply

    def end(self, why):
        """End the process; nothing can be asked of it any more."""
        self.ended = why
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _last_words(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            # A sandbox tells a signal as a shell does.
            number = -code if code < 0 else code - 128
            if number in signal.valid_signals():
                return f"The kernel died of signal {number} ({signal.Signals(number).name})."
            return f"The notebook ended the kernel, with exit code {code}."
        return ""

    def _drain(self):
        while part := os.read(self._process.stderr.fileno(), 65536):
            # What is more is read and thrown away: a full pipe would stop the kernel.
            self.printed += part[: MAX_PRINTED - len(self.printed)]


class RemoteAnswer:
    """An answer in another process, with the methods of `LocalAnswer`."""

    def __init__(self, exchange, name, seconds):
        self._exchange = exchange
        self._name = name
        self._seconds = seconds

    def call(self, *values):
        """Call the answer, a function, with the values; return its value."""
        return self._ask("call", *values)

    def predict(self, x, training=False, model=None):
        """Return a model's outputs for a batch of inputs."""
        return self._ask("predict", x, training=training, model=model)

    def config(self, model=None):
        """Return a model's public configuration."""
        return self._ask("config", model=model)

    def weights(self, model=None):
        """Return a model's weights: a list of dicts with ``path``, ``trainable``, ``value``."""
        return self._ask("weights", model=model)

    def penalties(self, model=None):
        """Return what a model adds to its loss: a list of numbers."""
        return self._ask("penalties", model=model)

    def train_step(self, x, y, model=None):
        """Train a model on one batch; return the loss."""
        return self._ask("train_step", x, y, model=model)

    def value(self):
        """Return the answer itself, a plain value."""
        return self._ask("value")

    def _ask(self, verb, *args, **kwargs):
        body = encode({"args": list(args), "kwargs": kwargs})
        header, reply = self._exchange(
            {"verb": verb, "exercise": self._name}, body, self._seconds + GRACE_SECONDS
        )
        status, text = header["status"], _text(header)
        if status == "timed out":
            raise AnswerTimedOut(text)
        if status == "not attempted":
            raise NotAttempted(text)
        if status == "error":
            raise AnswerError(text)
        try:
            return decode(reply)
        except UnsupportedValue as error:
            raise AnswerError(f"Your answer cannot be read. {error}") from None


def _text(header):
    """Return the text of a reply, which the submission may have made up."""
    text = header.get("text")
    return text[:2000] if isinstance(text, str) else ""
