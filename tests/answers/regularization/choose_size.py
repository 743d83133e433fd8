"""Right and wrong answers to the exercise choose_size."""

import numpy as np

from tests.answers import accepted, refused


def squared_error(x, y, w):
    return np.mean((x @ w - y) ** 2)


@accepted("lstsq in a loop")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    best, lowest = None, np.inf
    for d in sizes:
        w = np.linalg.lstsq(x_train[:, :d], y_train, rcond=None)[0]
        error = squared_error(x_validation[:, :d], y_validation, w)
        if error < lowest:
            best, lowest = d, error
    return best


@accepted("pinv and argmin, a NumPy integer")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    errors = [
        squared_error(x_validation[:, :d], y_validation, np.linalg.pinv(x_train[:, :d]) @ y_train)
        for d in sizes
    ]
    return np.array(sizes)[np.argmin(errors)]


@accepted("four_point style, sums instead of means")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    def error(d):
        w, *_ = np.linalg.lstsq(x_train[:, :d], y_train, rcond=None)
        return np.sum(np.square(y_validation - x_validation[:, :d] @ w))

    return min(sizes, key=error)


@accepted("the dual form beyond m")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    errors = {}
    for d in sizes:
        x = x_train[:, :d]
        if d <= len(x):
            w = np.linalg.solve(x.T @ x, x.T @ y_train)
        else:
            w = x.T @ np.linalg.solve(x @ x.T, y_train)
        errors[d] = squared_error(x_validation[:, :d], y_validation, w)
    return float(min(errors, key=errors.get))


@refused(
    "fitted on the validation data",
    says="fit on the training data",
    earned=1,
    misconception="training error",
)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    def error(d):
        w = np.linalg.lstsq(x_validation[:, :d], y_validation, rcond=None)[0]
        return squared_error(x_validation[:, :d], y_validation, w)

    return min(sizes, key=error)


@refused(
    "fitted on all data", says="fit on the training data", earned=1, misconception="training error"
)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    x, y = np.concatenate([x_train, x_validation]), np.concatenate([y_train, y_validation])

    def error(d):
        w = np.linalg.lstsq(x[:, :d], y, rcond=None)[0]
        return squared_error(x_validation[:, :d], y_validation, w)

    return min(sizes, key=error)


@refused("returns all errors", says="expected one number")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    return [squared_error(x_train[:, :d], y_train, np.ones(d)) for d in sizes]


@refused("one less than the smallest", says="Return the size with the smallest", earned=0)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    return min(sizes) - 1


@refused("rows instead of columns", says="Your code raised")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    def error(d):
        w = np.linalg.lstsq(x_train[:d], y_train, rcond=None)[0]
        return squared_error(x_validation[:d], y_validation, w)

    return min(sizes, key=error)


@accepted("pairs of error and size")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    pairs = []
    for d in sizes:
        gram = x_train[:, :d].T @ x_train[:, :d] + 1e-9 * np.eye(d)
        w = np.linalg.solve(gram, x_train[:, :d].T @ y_train)
        pairs.append((np.linalg.norm(x_validation[:, :d] @ w - y_validation), d))
    return sorted(pairs)[0][1]


@accepted("weights of zero for the other features")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    d = np.array(sizes)
    w = np.stack([np.linalg.pinv(x_train * (np.arange(x_train.shape[1]) < k)) @ y_train for k in d])
    return d[np.square(w @ x_validation.T - y_validation).mean(axis=1).argmin()]


@refused("one feature too many", says="Return the size with the smallest", earned=2)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    def error(d):
        w = np.linalg.lstsq(x_train[:, : d + 1], y_train, rcond=None)[0]
        return squared_error(x_validation[:, : d + 1], y_validation, w)

    return min(sizes, key=error)


@refused(
    "stops where the error rises",
    says="Sizes above the number",
    earned=2,
    misconception="only below m",
)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    best, lowest = None, np.inf
    for d in sorted(sizes):
        w = np.linalg.lstsq(x_train[:, :d], y_train, rcond=None)[0]
        error = squared_error(x_validation[:, :d], y_validation, w)
        if error > lowest:
            break
        best, lowest = d, error
    return best


@refused(
    "stops at the first rise in the given order",
    says="Sizes above the number",
    earned=2,
    misconception="only below m",
)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    best, lowest = None, np.inf
    for d in sizes:
        w = np.linalg.lstsq(x_train[:, :d], y_train, rcond=None)[0]
        error = squared_error(x_validation[:, :d], y_validation, w)
        if error > lowest:
            return best
        best, lowest = d, error
    return best


@refused(
    "by the sum of both errors",
    says="choose on the validation data",
    earned=2,
    misconception="training error",
)
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    def error(d):
        w = np.linalg.lstsq(x_train[:, :d], y_train, rcond=None)[0]
        sets = (x_train, y_train), (x_validation, y_validation)
        return sum(squared_error(x[:, :d], y, w) for x, y in sets)

    return min(sizes, key=error)


@refused("a table of sizes", says="Return the size with the smallest")
def choose_size(x_train, y_train, x_validation, y_validation, sizes):
    table = {(15, 7, 6, 5, 60): 6, (19, 40, 3): 40, (19, 1, 30): 1, (12,): 12}
    return table.get(tuple(sizes), 12)
