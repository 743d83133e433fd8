"""Do probabilities mean what they say: calibration of predictions."""

import numpy as np


def reliability(y, probabilities, bins=15):
    """Compare confidence and accuracy, bin by bin (Guo et al. 2017).

    The confidence of a prediction is the probability of the predicted class, the largest one.

    Parameters
    ----------
    y : array-like of int, shape (n,)
        The right classes.
    probabilities : array-like of float, shape (n, classes)
        Each row sums to 1.
    bins : int, default 15
        Bins of equal width over [0, 1]; each holds its upper edge, the first one 0 as well.

    Returns
    -------
    pandas.DataFrame
        A row for each bin: its edges ``low`` and ``high``, the mean ``confidence`` and the
        ``accuracy`` in it, both NaN if it is empty, and the number of predictions ``n``.

    Raises
    ------
    ValueError
        If the shapes do not fit, there is no prediction, a row is not a distribution, a label is
        not among the classes, or `bins` is less than 1.
    """
    import pandas as pd

    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}.")
    confidence, correct = _judged(y, probabilities)
    edges = np.linspace(0, 1, bins + 1)
    where = np.maximum(np.searchsorted(edges, confidence) - 1, 0)
    n = np.bincount(where, minlength=bins)
    table = {"low": edges[:-1], "high": edges[1:]}
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        table["confidence"] = np.bincount(where, confidence, bins) / n
        table["accuracy"] = np.bincount(where, correct, bins) / n
    return pd.DataFrame({**table, "n": n})


def expected_calibration_error(y, probabilities, bins=15):
    """Return the mean distance of confidence and accuracy over the bins, weighted by their size.

    As Naeini et al. (2015) and Guo et al. (2017) define it. It depends on the bins, and small
    samples raise it: even perfect calibration scatters.

    Parameters
    ----------
    y, probabilities, bins
        As for `reliability`, which also tells the errors.

    Returns
    -------
    float
        Between 0 and 1.

    Examples
    --------
    >>> round(expected_calibration_error([0, 1], [[0.9, 0.1], [0.6, 0.4]]), 3)
    0.35
    """
    table = reliability(y, probabilities, bins)
    gaps = table["n"] * (table["accuracy"] - table["confidence"]).abs()
    return float(gaps.sum() / table["n"].sum())


def _judged(y, probabilities):
    """Return the confidence of each prediction, and whether it is right."""
    y, probabilities = np.asarray(y), np.asarray(probabilities, float)
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1] or not len(y):
        raise ValueError(
            "y must have shape (n,) and probabilities (n, classes), n at least 1, "
            f"got {y.shape} and {probabilities.shape}."
        )
    if np.isnan(probabilities).any():
        raise ValueError("A probability is NaN; the model has diverged or its input has NaN.")
    wrong = (np.abs(probabilities.sum(axis=1) - 1) > 1e-3) | (probabilities < 0).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            "Each row of probabilities must sum to 1 and have no negative entry; pass "
            "probabilities, not logits (keras.ops.softmax turns one into the other). "
            f"Row {row} is {probabilities[row]}."
        )
    known = np.isin(y, np.arange(probabilities.shape[1]))
    if not known.all():
        raise ValueError(
            f"There are {probabilities.shape[1]} classes, numbered from 0, got label {y[~known][0]}."
        )
    # Rounding may lift a sure prediction above 1.
    return np.minimum(probabilities.max(axis=1), 1), probabilities.argmax(axis=1) == y
