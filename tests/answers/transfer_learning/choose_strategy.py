"""Answers for choosing a strategy by what was measured."""

import numpy as np

from tests.answers import accepted, refused


@accepted("a loop")
def choose_strategy(high, beaten, seconds):
    best = None
    for i in range(len(high)):
        if high[i] >= 0 and not beaten[i] and (best is None or seconds[i] < seconds[best]):
            best = i
    return best


@accepted("sorted by cost")
def choose_strategy(high, beaten, seconds):
    return next(i for i in np.argsort(seconds) if not beaten[i] and not high[i] < 0)


@accepted("min with a key")
def choose_strategy(high, beaten, seconds):
    left = [i for i, end in enumerate(high) if end >= 0 and not beaten[i]]
    return min(left, key=lambda i: seconds[i])


@accepted("by indices")
def choose_strategy(high, beaten, seconds):
    (left,) = np.nonzero(~(beaten | (high < 0)))
    return left[np.argmin(seconds[left])]


@accepted("with Pandas, as a float")
def choose_strategy(high, beaten, seconds):
    import pandas as pd

    table = pd.DataFrame({"high": high, "beaten": beaten, "seconds": seconds})
    return float(table[(table.high >= 0) & ~table.beaten].seconds.idxmin())


@refused("nothing returned", says="is there a `return`")
def choose_strategy(high, beaten, seconds):
    np.argmin(np.where((high >= 0) & ~beaten, seconds, np.inf))


@refused("a name", says="a text, expected one number")
def choose_strategy(high, beaten, seconds):
    return "head on top features"


@refused("all that are left", says="expected one number")
def choose_strategy(high, beaten, seconds):
    return np.flatnonzero((high >= 0) & ~beaten)


@refused("always the first", says="should be the index of the cheapest")
def choose_strategy(high, beaten, seconds):
    return 0


@refused(
    "either of the two conditions", says="is the cheapest of all", misconception="cheapest of all"
)
def choose_strategy(high, beaten, seconds):
    return np.argmin(np.where((high >= 0) | ~beaten, seconds, np.inf))


@refused("stars only", says="one has a star", misconception="star ignored")
def choose_strategy(high, beaten, seconds):
    return np.argmin(np.where(beaten, seconds, np.inf))
