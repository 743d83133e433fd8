"""Examples as rows of an array, to compare them whatever their order."""

import numpy as np

from coursehelpers.checks.core import as_numbers

NO_NUMBERS = "Some entries are no numbers, but nan or inf; where do they come from?"


def numbers(part):
    """Return an answer's array as floats; an empty one if it is no array of numbers."""
    array = as_numbers(part)
    return np.empty((0, 0)) if array is None or not array.ndim else array.astype(float)


def rows(x, *labels):
    """Return one row for each example, its label behind its inputs; none if they do not fit."""
    if np.size(x) == 0 or any(np.size(y) != len(x) for y in labels):
        return np.empty((0, 1))
    return np.concatenate([np.reshape(part, (len(x), -1)) for part in (x, *labels)], axis=1)


def same_rows(one, other):
    """Say whether two arrays have the same rows, in any order."""
    if one.shape != other.shape:
        return False
    from scipy.optimize import linear_sum_assignment

    alike = np.isclose(one[:, None], other, rtol=1e-3, atol=1e-4).all(axis=2)
    # Each needs a partner of its own, even where several are nearly alike.
    return bool(alike[linear_sum_assignment(alike, maximize=True)].all())


def has_row(rows, row):
    return rows.shape[1:] == row.shape and bool(
        np.isclose(rows, row, rtol=1e-3, atol=1e-4).all(axis=1).any()
    )


def are_labels(y, count):
    """Say whether an array holds a label for each of so many examples, in a row or a column."""
    return y.shape in ((count,), (count, 1))


def missing(got, wanted, labels=False):
    """Say what is missing in an answer's rows, for messages.

    Parameters
    ----------
    got, wanted : numpy.ndarray
        Rows of an answer and those that are expected.
    labels : bool, default False
        Whether the last entry of each row is a label.

    Returns
    -------
    str
        A sentence on one of the wanted rows, or on how many there are.

    Examples
    --------
    >>> missing(np.eye(2), np.ones((2, 2)), labels=True)
    'For one example, [1] with label 1 is missing.'
    """
    for row in wanted:
        if not has_row(got, row):
            point, label = (row[:-1], f" with label {row[-1]:.3g}") if labels else (row, "")
            entries = ", ".join(f"{entry:.3g}" for entry in point)
            return f"For one example, [{entries}]{label} is missing."
    if len(got) == len(wanted):
        return "All are there, but some more often than others."
    return f"There are {len(got)} points, expected {len(wanted)}."
