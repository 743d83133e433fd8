"""Numbers out of repetitions and predictions: intervals, comparisons, calibration, sample sizes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """An estimate and its confidence interval."""

    estimate: float
    low: float
    high: float


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean and Student's t-interval for it.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        Independent repetitions, at least two.
    confidence : float, default 0.95

    Returns
    -------
    Interval
        A point if all values are equal.

    Raises
    ------
    ValueError
        If there are fewer than two values or one is NaN.

    Examples
    --------
    >>> [round(number, 3) for number in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    from scipy import stats

    values = _repetitions(values)
    half = float(_standard_error(values) * stats.t.ppf((1 + confidence) / 2, len(values) - 1))
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half)


def median_interval(values: ArrayLike) -> Interval:
    """Return the median and a 95 % interval for it that holds for every distribution.

    Where a mean does not exist, as for the validation error at d/m = 1, the median still does. The
    interval is spanned by order statistics (Conover 1999, sec. 3.2), its coverage at least 95 %.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        As for `mean_interval`; with fewer than six a bound is infinite.

    Returns
    -------
    Interval

    Examples
    --------
    >>> median_interval(range(1, 21))
    Interval(estimate=10.5, low=6.0, high=15.0)
    """
    from scipy import stats

    values = _repetitions(values)
    interval = stats.quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
    low = -np.inf if np.isnan(interval.low) else float(interval.low)
    high = np.inf if np.isnan(interval.high) else float(interval.high)
    return Interval(float(np.median(values)), low, high)


def ratio_interval(numerators: ArrayLike, denominators: ArrayLike) -> Interval:
    """Return the ratio of two means and its 95 % interval by Fieller's theorem.

    Parameters
    ----------
    numerators, denominators : array-like of float, shape (n,)
        Pairs from independent repetitions, at least two.

    Returns
    -------
    Interval
        All ratios r for which Student's test does not reject that the mean of numerator minus r
        times denominator is zero. It reaches from minus to plus infinity where the mean of the
        denominators may be zero.

    References
    ----------
    E. C. Fieller: Some problems in interval estimation. Journal of the Royal Statistical Society B
    16(2), 1954.

    Examples
    --------
    >>> [round(number, 3) for number in ratio_interval([1.0, 2.0, 3.0], [4.0, 4.1, 4.2])]
    [0.488, -0.126, 1.031]
    """
    from scipy import stats

    numerators, denominators = _repetitions(numerators), _repetitions(denominators)
    n = len(numerators)
    top, bottom = numerators.mean(), denominators.mean()
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    covariance = np.cov(numerators, denominators) * quantile**2 / n
    # The bounds solve a r^2 - 2 b r + c = 0.
    a = bottom**2 - covariance[1, 1]
    b = top * bottom - covariance[0, 1]
    c = top**2 - covariance[0, 0]
    estimate = float(top / bottom) if bottom else float(np.copysign(np.inf, top))
    if a <= 0:
        return Interval(estimate, -np.inf, np.inf)
    half = np.sqrt(max(b**2 - a * c, 0.0)) / a
    return Interval(estimate, float(b / a - half), float(b / a + half))


def equivalent_size(sizes: ArrayLike, scores: ArrayLike, score: ArrayLike) -> Interval:
    """Return the sample size at which a learning curve reaches a score, with its 95 % interval.

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

    Returns
    -------
    Interval
        Of the size, possibly outside of `sizes`; from zero to infinity if the repetitions do not
        show that more data help.

    Raises
    ------
    ValueError
        If the shapes do not fit or there are fewer than two repetitions.

    Examples
    --------
    >>> scores, score = [[0.6, 0.7], [0.6, 0.72], [0.58, 0.7]], [0.65, 0.66, 0.66]
    >>> [round(size) for size in equivalent_size([100, 1000], scores, score)]
    [362, 187, 609]
    """
    sizes, scores, score = (np.asarray(array, float) for array in (sizes, scores, score))
    if len(np.unique(sizes)) < 2 or scores.shape != (*score.shape, *sizes.shape):
        raise ValueError(
            "Expected k sizes, at least two of them different, n rows of k scores and n scores to "
            f"read off, got the shapes {sizes.shape}, {scores.shape} and {score.shape}."
        )
    logarithms = np.log(sizes)
    slopes = np.polyfit(logarithms, scores.T, 1)[0]
    above = score - scores.mean(axis=1)
    if slopes.mean() <= 0:  # no number of examples is enough, or none is needed
        return Interval(np.inf if above.mean() > 0 else 0.0, 0.0, np.inf)
    found = np.add(ratio_interval(above, slopes), logarithms.mean())
    # Beyond a finite float, a size is as good as infinite.
    with np.errstate(over="ignore"):
        return Interval(*np.exp(found).tolist())


def summarize(
    frame: "pd.DataFrame",
    by: str | list[str],
    value: str,
    interval: Callable[[ArrayLike], Interval] = mean_interval,
) -> "pd.DataFrame":
    """Summarize repetitions in a tidy frame: one row per group, with its interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per repetition.
    by : str or list of str
        Columns that name the group.
    value : str
        Column of the repeated number.
    interval : callable, default `mean_interval`
        From values to an `Interval`.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, then ``estimate``, ``low``, ``high`` and ``n``, in order of appearance; and
        ``partial``, if the frame has it.
    """
    import pandas as pd

    by = [by] if isinstance(by, str) else list(by)
    rows = [
        {**dict(zip(by, key, strict=True)), **interval(group)._asdict(), "n": len(group)}
        for key, group in frame.groupby(by, sort=False)[value]
    ]
    table = pd.DataFrame(rows)
    return table.assign(partial=True) if "partial" in frame else table


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's step-down adjusted p-values (Holm 1979).

    Rejecting where the adjusted value is at most alpha makes the probability of any false
    rejection among all tests at most alpha, however they depend on each other.

    Parameters
    ----------
    p_values : array-like of float, shape (k,)

    Returns
    -------
    ndarray of float, shape (k,)

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005])
    array([0.03, 0.06, 0.06, 0.02])
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    return np.minimum(adjusted, 1)


def paired_differences(
    frame: "pd.DataFrame", by: str, value: str, baseline: object
) -> "pd.DataFrame":
    """Compare settings with a baseline, repetition by repetition.

    Each repetition draws the same data and noise for all settings, so that their difference is
    known more precisely than either of them. The more settings, the likelier one differs by
    chance: Holm's procedure (1979) accounts for that, in the p-values and in the intervals.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per setting and repetition; the repetition in a column ``seed``. A seed counts for
        the settings that have it, if the baseline has it too.
    by : str
        Column of the setting.
    value : str
        Column of the repeated number.
    baseline : object
        The setting to compare with.

    Returns
    -------
    pandas.DataFrame
        A row for each other setting, in order of appearance: the mean of ``value`` minus that of
        the baseline as ``estimate``, its interval ``low``, ``high``, the number of pairs ``n``,
        the two-sided paired t-test's ``p`` as adjusted by `holm` over the rows, and the
        ``confidence`` of the interval.

        Each is Student's interval at the level at which Holm's procedure judges its row, so that
        it excludes zero exactly where ``p`` is at most 0.05. With one row that level is 0.95, with
        more it is at least that. Equal differences have no spread: their interval is a point, and
        ``p`` is 1 if they are zero, otherwise 0.

    Raises
    ------
    ValueError
        If the baseline is not among the settings, a setting shares fewer than two seeds with it or
        has a seed twice, or an entry is NaN or infinite.
    """
    import pandas as pd

    values = _values_by_setting(frame, by, value)
    if baseline not in values:
        raise ValueError(f"There is no setting {baseline!r}; there are: {list(values)}.")
    base = values.pop(baseline)
    # Pandas aligns the seeds; one that is missing on either side leaves NaN.
    differences = {name: (row - base).dropna().to_numpy() for name, row in values.items()}
    for setting, pairs in differences.items():
        if len(pairs) < 2:
            raise ValueError(
                f"Setting {setting!r} and the baseline {baseline!r} have {len(pairs)} of their "
                "seeds in common; an interval needs at least two."
            )
    rows = _holm_intervals(list(differences.values()))
    table = pd.DataFrame(rows, columns=[*Interval._fields, "n", "p", "confidence"])
    table.insert(0, by, list(differences))
    return table


def _repetitions(values: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"An interval needs at least two repetitions in a row, got shape {values.shape}."
        )
    if np.isnan(values).any():
        raise ValueError("A repetition is NaN; an interval without it would be too small.")
    return values


def _standard_error(values):
    # The mean of equal values may be rounded, and would leave them a spread.
    return values.std(ddof=1) / np.sqrt(len(values)) if np.ptp(values) else 0.0


def _t_test(values):
    """Return the two-sided p-value of Student's test that the mean is zero."""
    from scipy import stats

    mean, error = values.mean(), _standard_error(values)
    if error == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(abs(mean / error), len(values) - 1))


def _holm_intervals(samples):
    """Return a row for each sample: its mean's interval and p-value, as Holm's test has them."""
    p = np.array([_t_test(sample) for sample in samples])
    adjusted = holm(p)
    # Equal p-values share the first one's step; from where Holm stops, all share that step.
    step = np.searchsorted(np.sort(p), p)
    stop = step[adjusted > 1 - CONFIDENCE].min(initial=len(p))
    levels = 1 - (1 - CONFIDENCE) / (len(p) - np.minimum(step, stop))
    return [
        {**mean_interval(sample, level)._asdict(), "n": len(sample), "p": q, "confidence": level}
        for sample, q, level in zip(samples, adjusted, levels, strict=True)
    ]


def _values_by_setting(frame, by, value):
    """Return a Series for each setting, from seed to value."""
    frame = frame[[by, "seed", value]].astype({value: float})
    unknown = frame.isna().any(axis=1) | np.isinf(frame[value])
    repeated = frame.duplicated([by, "seed"])
    for wrong, problem in (
        (unknown, "and none of them may be NaN or infinite"),
        (repeated, "for the second time; keep one row for each pair"),
    ):
        if wrong.any():
            setting, seed, number = next(frame[wrong].itertuples(index=False, name=None))
            raise ValueError(
                f"Setting {setting!r} with seed {seed!r} has {value} {number}, {problem}."
            )
    groups = frame.groupby(by, sort=False, observed=True)
    return {setting: group.set_index("seed")[value] for setting, group in groups}


def reliability(y: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> "pd.DataFrame":
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
        If the shapes do not fit, there is no prediction, a row is not a distribution, or a label
        is not among the classes.
    """
    import pandas as pd

    y, probabilities = np.asarray(y), np.asarray(probabilities, float)
    if probabilities.ndim != 2 or y.shape != probabilities.shape[:1] or not len(y):
        raise ValueError(
            "y must have shape (n,) and probabilities (n, classes), n at least 1, "
            f"got {y.shape} and {probabilities.shape}."
        )
    # NaN passes no comparison.
    sums_to_one = np.abs(probabilities.sum(axis=1) - 1) <= 1e-3
    right_row = sums_to_one & (probabilities >= 0).all(axis=1)
    if not right_row.all():
        row = int(right_row.argmin())
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
    confidence = np.minimum(probabilities.max(axis=1), 1)
    edges = np.linspace(0, 1, bins + 1)
    where = np.maximum(np.searchsorted(edges, confidence) - 1, 0)
    n = np.bincount(where, minlength=bins)
    table = {"low": edges[:-1], "high": edges[1:]}
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        table["confidence"] = np.bincount(where, confidence, bins) / n
        table["accuracy"] = np.bincount(where, probabilities.argmax(axis=1) == y, bins) / n
    return pd.DataFrame({**table, "n": n})


def expected_calibration_error(y: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> float:
    """Return the mean distance of confidence and accuracy over the bins, weighted by their size.

    As Naeini et al. (2015) and Guo et al. (2017) define it. It depends on the bins, and small
    samples raise it: even perfect calibration scatters.

    Parameters
    ----------
    y, probabilities, bins
        As for `reliability`, which also lists the errors.

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
