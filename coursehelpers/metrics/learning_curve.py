"""What a learning curve, score over sample size, says of a method."""

import numpy as np


def equivalent_size(sizes, scores, score):
    """Return the sample size at which a learning curve reaches a score.

    The curve is a straight line over the logarithm of the sample size, fitted by least squares:
    an approximation that holds over a decade or two of sizes.

    Parameters
    ----------
    sizes : array-like of int, shape (k,)
        Sample sizes, at least two different ones.
    scores : array-like of float, shape (k,)
        What was reached with them.
    score : float
        Where to read off the size.

    Returns
    -------
    float
        The size, possibly outside of `sizes`; infinite or zero if more data do not help.

    Raises
    ------
    ValueError
        If the sizes and scores are no two rows of the same length, or a size is not positive.

    Examples
    --------
    >>> round(equivalent_size([100, 1000], [0.6, 0.7], 0.65))
    316
    """
    sizes, scores = np.asarray(sizes, float), np.asarray(scores, float)
    if sizes.ndim != 1 or sizes.shape != scores.shape or len(np.unique(sizes)) < 2:
        raise ValueError(
            "sizes and scores must be rows of the same length, with at least two different sizes, "
            f"got the shapes {sizes.shape} and {scores.shape}."
        )
    if not (sizes > 0).all():
        raise ValueError(f"A sample size is positive, got {sizes.min():g}.")
    slope, intercept = np.polyfit(np.log(sizes), scores, 1)
    if slope <= 0:
        return np.inf if score > scores.mean() else 0.0
    return float(np.exp(min((score - intercept) / slope, 700.0)))  # exp(700) is still finite
