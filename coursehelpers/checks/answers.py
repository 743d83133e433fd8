"""What a check may ask of an answer, and the answer that lives in this very process.

An answer is a function. Checks see it only through ``call(*values)``, and the models that it
returns only through ``predict``, ``config``, ``weights``, ``penalties`` and ``train_step``.
`LocalAnswer` sends every value through the encoding that an answer in another process uses, so that
the two cannot drift apart. Where a question needs a model, it names a fixture: the answer gets the
model itself, and the other methods show by the same name what became of it.
"""

import _thread
import contextlib
import functools
import inspect
import io
import json
import re
import signal
import sys
import textwrap
import threading
import time
import traceback
import warnings
from collections import Counter
from typing import Any, Protocol

import numpy as np

from coursehelpers.checks import fixtures
from coursehelpers.checks.values import MAX_BYTES, Fixture, Handle, UnsupportedValue, decode, encode

FEW_STEPS = 2  # for which no graph is made
NO_ANSWER = "There is no answer yet."

_ALARM: Any = getattr(signal, "SIGALRM", None)  # Windows has none

# What Keras and TensorFlow add to the text of their errors: terminal colours, all arguments, names
# of devices and operations, whole arrays.
_NOISE = re.compile(
    r"\x1b\[[0-9;]*m|\n\nArguments received by .*|\{\{[^}]*\}\} | \[Op:\w+\] name:.*", re.DOTALL
)
_ARRAY = re.compile(r"\[[-+\[\]\s\d.,e]{80,}\]")


class AnswerError(Exception):
    """The answer gave no value; the text says why, to the student."""

    status = "error"  # of the outcome, if nothing was earned before


class NotAttempted(AnswerError):
    """The answer is still the stub that the student was given."""

    status = "not attempted"


class AnswerTimedOut(AnswerError):
    """The answer took longer than its check allows."""

    status = "timed out"


class _TimeUp(BaseException):
    """Raised by the alarm; no `except Exception` of the student's catches it."""

    # A bare `except` does catch it, so raising one sets off the next alarm, which comes before
    # that block ends. Done in Python code it would come before this one is raised.
    __init__ = staticmethod(functools.partial(_thread.interrupt_main, _ALARM))


class Answer(Protocol):
    """What a check may ask of an answer; `LocalAnswer` says what each reply is."""

    def call(self, *values: object) -> Any: ...
    def predict(self, x: object, model: object, training: bool = False) -> Any: ...
    def config(self, model: object) -> Any: ...
    def weights(self, model: object) -> Any: ...
    def penalties(self, model: object) -> Any: ...
    def train_step(self, x: object, y: object, model: object) -> Any: ...


class LocalAnswer:
    """An answer in this process.

    Parameters
    ----------
    answer : object
        What the student hands in, which should be a function.
    seconds : float, default 5
        Time for all questions together. It needs the main thread of a Unix process, where every
        notebook runs its cells; elsewhere there is no limit.
    """

    def __init__(self, answer: Any, seconds: float = 5.0) -> None:
        self._answer = answer
        self._models: list[Any] = []
        self._fixtures: dict[Fixture, Any] = {}
        self._steps: Counter[int] = Counter()  # by model
        self._left = seconds
        if answer is None or answer is Ellipsis:
            raise NotAttempted(NO_ANSWER)

    def call(self, *values: object) -> Any:
        """Call the answer, a function, with copies of the values; return its value.

        A Keras model in the result becomes a `Handle` that the other methods take. They take a
        `Fixture`, too, for the very model that the answer got in its place.
        """
        if _is_keras("Model", self._answer):
            raise AnswerError("Hand in the function that builds the model, not the model.")
        if not callable(self._answer) or _is_keras("Layer", self._answer):
            raise AnswerError(f"The answer should be a function, got {_kind(self._answer)}.")
        if inspect.iscoroutinefunction(self._answer):
            raise AnswerError("Your function is declared with `async def`; use `def`.")
        values = self._given(values)
        return self._ask(lambda: self._answer(*values))

    def predict(self, x: object, model: object, training: bool = False) -> Any:
        """Return the model's outputs, an array, for a batch of inputs."""
        return self._ask_model(lambda model, x: _outputs_of(model, x, training), model, x)

    def config(self, model: object) -> Any:
        """Return the model's public configuration as nested dicts and lists."""
        return self._ask_model(lambda model: json.loads(model.to_json()), model)

    def weights(self, model: object) -> Any:
        """Return the model's weights: a list of dicts with ``path``, ``trainable``, ``value``."""
        return self._ask_model(_weights_of, model)

    def penalties(self, model: object) -> Any:
        """Return what the model adds to its loss besides the loss itself: a list of numbers."""
        return self._ask_model(lambda model: [_term(loss) for loss in model.losses], model)

    def train_step(self, x: object, y: object, model: object) -> Any:
        """Train the model, which has to be compiled, on one batch; return the loss."""
        return self._ask_model(lambda *batch: _loss_of(self._train_on(*batch)), model, x, y)

    def _ask_model(self, question, *values):
        model, *values = self._given(values)
        if not _is_keras("Model", model):
            raise AnswerError(
                f"Your function should return a Keras model, it returned {_kind(model)}."
            )
        return self._ask(lambda: question(model, *values))

    def _train_on(self, model, x, y):
        # Making a graph takes as long as dozens of steps without one, and most checks make one step.
        self._steps[id(model)] += 1
        if self._steps[id(model)] > FEW_STEPS or not model.compiled:
            return model.train_on_batch(x, y)
        chosen = model.run_eagerly
        try:
            model.run_eagerly = True
            model.make_train_function(force=True)
            return model.train_on_batch(x, y)
        finally:
            model.run_eagerly = chosen
            model.make_train_function(force=True)

    def _ask(self, question):
        start = time.monotonic()
        try:
            with _quiet():
                data = _within(self._left, lambda: encode(question(), self._handle))
            return decode(data)
        except (AnswerError, KeyboardInterrupt):  # of the person at the keyboard, who wants to stop
            raise
        except _TimeUp:
            raise AnswerTimedOut("Your code took longer than the check allows.") from None
        except UnsupportedValue as error:
            raise AnswerError(f"Your answer cannot be read. {error}") from None
        except SystemExit:
            raise AnswerError("Your code called sys.exit or exit.") from None
        except BaseException as error:
            # A stub raises it bare or in its own body; a library says what it cannot do.
            if isinstance(error, NotImplementedError) and (not error.args or self._raised(error)):
                raise NotAttempted(NO_ANSWER) from None
            raise AnswerError(_told(error)) from None
        finally:
            self._left -= time.monotonic() - start

    def _raised(self, error):
        """Tell whether the answer's own body raised an error."""
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        return (
            inspect.isfunction(self._answer)
            and frame.f_code is inspect.unwrap(self._answer).__code__
        )

    def _handle(self, value):
        if not _is_keras("Model", value):
            return None
        self._models.append(value)
        return Handle(len(self._models) - 1)

    def _given(self, value):
        """Return a value as the answer's side gets it, with the models that it refers to."""
        # No question is timed yet: building a fixture takes none of the answer's time.
        return self._resolve(decode(encode(value)))

    def _resolve(self, value):
        if isinstance(value, Handle | Fixture):
            return self._referred(value)
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self._resolve(item) for key, item in value.items()}
        return value

    def _referred(self, reference):
        if isinstance(reference, Handle) and reference.number in range(len(self._models)):
            return self._models[reference.number]
        if isinstance(reference, Fixture) and reference.name in fixtures.FIXTURES:
            if reference not in self._fixtures:
                self._fixtures[reference] = fixtures.build(reference, self._fixtures)
            return self._fixtures[reference]
        # Made up by the answer, which may return the like of it.
        raise AnswerError("Your answer refers to a model that does not exist.")


def _is_keras(kind, value):
    keras = sys.modules.get("keras")  # without Keras there is no model, and no need to import it
    return keras is not None and isinstance(value, getattr(keras, kind))


def _weights_of(model):
    # What Keras keeps, whatever a subclass would rather show.
    values = [(w, np.asarray(w)) for w in sys.modules["keras"].Layer.weights.fget(model)]
    # Arrays travel as text, which takes four bytes for three.
    if sum(value.nbytes for _, value in values) > 0.7 * MAX_BYTES:
        count = sum(value.size for _, value in values)
        raise AnswerError(f"The model has {count:,} weights, too many here; make it smaller.")
    return [{"path": w.path, "trainable": bool(w.trainable), "value": v} for w, v in values]


def _outputs_of(model, x, training):
    # As Keras predicts: a model whose `call` takes no mode is not told which.
    return model(x, training=True) if training else model.predict_step((x,))


def _term(loss):
    """Return a term of a model's losses as a number."""
    if np.ndim(loss):
        raise AnswerError(
            f"A term of model.losses is an array of shape {tuple(np.shape(loss))}; each should be "
            "one number, so add up what is in it."
        )
    return float(loss)


def _loss_of(logs):
    """Return the loss in what `Model.train_on_batch` returned: the loss, or it and metrics."""
    try:
        return float(np.ravel(logs)[0])
    except (TypeError, ValueError, IndexError):
        raise AnswerError(
            f"A train step should give the loss, a number; it gave {_kind(logs)}. What does the "
            "train_step of your model return?"
        ) from None


def _kind(value):
    return "nothing (None)" if value is None else f"an object of type {type(value).__name__}"


def _told(error):
    """Return what to tell of an exception that the answer raised."""
    try:
        text = _ARRAY.sub("[...]", _NOISE.sub("", str(error)))
        text = textwrap.shorten(text, 300, placeholder=" ...").rstrip(".")
    except BaseException:  # a student's exception may fail to print itself
        text = ""
    # Half a surrogate pair is a text that cannot be printed.
    text = text.encode(errors="replace").decode()
    told = f"Your code raised {type(error).__name__}" + (f": {text}." if text else ".")
    # UnboundLocalError is a NameError too, but of no other cell's doing.
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        told += " Is it spelled right? If another cell defines it, run that one first."
    return told


@contextlib.contextmanager
def _quiet():
    """Keep warnings and stderr of an answer away from the notebook; they are no verdict."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _within(seconds, work):
    """Return work(), or raise `_TimeUp` when it takes longer."""
    if _ALARM is None or threading.current_thread() is not threading.main_thread():
        return work()

    def stop(signum, frame):
        # An alarm that comes late must not interrupt anything but the work.
        while frame is not None and frame.f_code is not work.__code__:
            frame = frame.f_back
        if frame is not None:
            raise _TimeUp

    before = signal.signal(_ALARM, stop)
    # The alarm repeats, because only a real one ends a wait, such as `time.sleep`.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 0.1)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(_ALARM, before)
