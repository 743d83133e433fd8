"""What a learning curve, score over sample size, says of a method."""

import numpy as np

from coursehelpers.metrics.intervals import Interval, ratio_interval


def equivalent_size(sizes, scores, score, confidence=0.95):
    """Return the sample size at which a learning curve reaches a score, with its interval.

    The curve is a straight line over the logarithm of the sample size, fitted by least squares in
    every repetition: an approximation that holds over a decade or two of sizes. The logarithm of
    the size is then a ratio of two means, of what the score is above the line's middle and of the
    line's slope, and `ratio_interval` gives its interval.

    Parameters
    ----------
    sizes : array-like of int, shape (k,)
        Sample sizes, at least two different ones.
    scores : array-like of float, shape (n, k)
        What was reached with them in each of n repetitions, at least two.
    score : array-like of float, shape (n,)
        Where to read off the size, in the same repetitions.
    confidence : float, default 0.95

    Returns
    -------
    Interval
        Of the size, possibly outside of `sizes`; from zero to infinity if the repetitions do not
        tell that more data help.

    Raises
    ------
    ValueError
        If the shapes do not fit, a size is not positive, or there are fewer than two repetitions.

    Examples
    --------
    >>> scores, score = [[0.6, 0.7], [0.6, 0.72], [0.58, 0.7]], [0.65, 0.66, 0.66]
    >>> [round(size) for size in equivalent_size([100, 1000], scores, score)]
    [362, 187, 609]
    """
    sizes, scores, score = (np.asarray(array, float) for array in (sizes, scores, score))
    one_row = sizes.ndim == score.ndim == 1
    if not one_row or len(np.unique(sizes)) < 2 or scores.shape != (*score.shape, len(sizes)):
        raise ValueError(
            "Expected k sizes, at least two of them different, n rows of k scores and n scores to "
            f"read off, got the shapes {sizes.shape}, {scores.shape} and {score.shape}."
        )
    if not (sizes > 0).all():
        raise ValueError(f"A sample size is positive, got {sizes.min():g}.")
    logarithms = np.log(sizes)
    slopes = np.polyfit(logarithms, scores.T, 1)[0]
    above = score - scores.mean(axis=1)
    if slopes.mean() <= 0:  # no number of examples is enough, or none is needed
        return Interval(np.inf if above.mean() > 0 else 0.0, 0.0, np.inf)
    found = np.add(ratio_interval(above, slopes, confidence), logarithms.mean())
    # Beyond a finite float, a size is as good as infinite.
    with np.errstate(over="ignore"):
        return Interval(*np.exp(found).tolist())
