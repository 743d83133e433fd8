"""What a check requires of every model: that there is one, with outputs to compute with.

    model = built(answer, expect, rate)
    used = expect_outputs(answer, expect, x, model, (200, 10), "For 200 images")
    trained = predict(answer, x, model, (200, 10), training=True)

A model may do something else with every call, so that no output is taken for granted.
"""

import numpy as np

from coursehelpers.checks.answers import AnswerError
from coursehelpers.checks.core import describe

NO_NUMBERS = (
    "Some outputs of the model are no numbers, but nan or inf; look for a logarithm, a root, a "
    "division or steps that make numbers too large."
)


def built(answer, expect, *values):
    """Call an answer that builds a model; require a return value, and return it."""
    model = answer.call(*values)
    expect.require(model is not None, "Your function returned nothing; is there a `return`?")
    return model


def predict(answer, x, model, shape=None, training=False, finite=True):
    """Ask for a model's outputs, floats; raise an `AnswerError` if they are none to compute with.

    Parameters
    ----------
    answer : Answer
    x : numpy.ndarray
    model : Handle or Fixture
    shape : tuple of int, optional
        What shape they should have.
    training : bool, default False
    finite : bool, default True
        Whether nan and inf are refused.
    """
    got = answer.predict(x, training=training, model=model)
    mode = "in training" if training else "with training=False"
    if not _is_numeric(got):
        raise AnswerError(
            f"The model should return one array of numbers {mode}, got {_what_is(got)}."
        )
    if shape is not None and got.shape != shape:
        raise AnswerError(f"The model should return shape {shape} {mode} too, got {got.shape}.")
    if finite and not np.isfinite(got).all():
        raise AnswerError(NO_NUMBERS)
    return _as_floats(got)


def expect_outputs(
    answer, expect, x, model, shape, given, what="shape", mistakes=lambda shape: {}, training=False
):
    """Require outputs of a shape, all finite, and return them as floats.

    Parameters
    ----------
    answer, x, model, shape, training
        As in `predict`.
    given : str
        What the model is given, such as "For five images".
    what : str, default "shape"
        What the outputs should be, such as "probabilities of shape".
    mistakes : callable
        From the shape that an array of numbers has instead to known mistakes, by their names.
    """
    got = answer.predict(x, training=training, model=model)
    numeric = _is_numeric(got)
    known = mistakes(got.shape) if numeric else {}
    seen = f"{given} the model should return {what} {shape}; it gives {_what_is(got)}."
    is_right = numeric and got.shape == shape
    expect.require(is_right, seen, known, seen if any(known.values()) else "")
    expect.require(np.isfinite(got).all(), NO_NUMBERS)
    return _as_floats(got)


def expect_probabilities(expect, outputs, given, points=0, mistakes=None):
    """Expect that the outputs for each image are a distribution; for no points require it."""
    sums = outputs.sum(axis=1)
    expect(
        are_probabilities(outputs),
        points,
        f"{given} the model should return probabilities, which add up to 1 for each image; here "
        f"the sums go from {sums.min():.3g} to {sums.max():.3g}. Which activation makes the "
        "classes compete?",
        mistakes,
    )


def are_probabilities(outputs):
    """Tell whether each row is a distribution."""
    return bool(np.allclose(outputs.sum(axis=1), 1, atol=1e-3) and outputs.min() >= 0)


def _as_floats(got):
    return got if got.dtype.kind == "f" else got.astype(float)


def _is_numeric(got):
    return isinstance(got, np.ndarray) and got.dtype.kind in "iuf"


def _what_is(got):
    """Say what the outputs are, and what to do if that is no array of numbers."""
    if isinstance(got, list | dict):
        return f"{describe(got)}; let it have a single output"
    if isinstance(got, np.ndarray) and not _is_numeric(got):
        return f"{describe(got)} and of type {got.dtype}; let it return floats"
    return describe(got)
