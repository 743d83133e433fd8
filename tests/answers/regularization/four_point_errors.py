"""Right and wrong answers to the exercise four_point_errors."""

import numpy as np

from tests.answers import accepted, refused


@accepted("closed forms in plain Python")
def four_point_errors(x, y, degree):
    x, y = [float(a) for a in x], [float(b) for b in y]
    x_mean, y_mean = sum(x[:3]) / 3, sum(y[:3]) / 3
    slope = sum((a - x_mean) * (b - y_mean) for a, b in zip(x[:3], y[:3], strict=True))
    slope /= sum((a - x_mean) ** 2 for a in x[:3])

    def predict(at):
        if degree == 0:
            return y_mean
        if degree == 1:
            return y_mean + slope * (at - x_mean)
        total = 0.0
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            total += y[i] * (at - x[j]) * (at - x[k]) / ((x[i] - x[j]) * (x[i] - x[k]))
        return total

    squared = [(predict(a) - b) ** 2 for a, b in zip(x, y, strict=True)]
    return [sum(squared[:3]) / 3, squared[3]]


@accepted("pseudo-inverse, result in an array")
def four_point_errors(x, y, degree):
    powers = np.stack([x**k for k in range(degree + 1)], axis=1)
    w = np.linalg.pinv(powers[:3]) @ y[:3]
    residuals = powers @ w - y
    return np.array([residuals[:3] @ residuals[:3] / 3, residuals[3] ** 2])


@accepted("numpy.polynomial")
def four_point_errors(x, y, degree):
    model = np.polynomial.Polynomial.fit(x[:3], y[:3], degree)
    return np.mean((model(x[:3]) - y[:3]) ** 2), np.mean((model(x[3:]) - y[3:]) ** 2)


@accepted("float32 with Keras ops")
def four_point_errors(x, y, degree):
    from keras import ops

    x, y = ops.convert_to_tensor(x, "float32"), ops.convert_to_tensor(y, "float32")
    powers = ops.stack([x**k for k in range(degree + 1)], axis=1)
    w = ops.lstsq(powers[:3], y[:3])
    squared = ops.square(ops.matmul(powers, w[:, None])[:, 0] - y)
    return ops.mean(squared[:3]), squared[3]


@refused(
    "fitted on all four points and averaged over them",
    says="took part in the fit",
    misconception="fitted on all data",
)
def four_point_errors(x, y, degree):
    squared = (np.polyval(np.polyfit(x, y, degree), x) - y) ** 2
    return squared.mean(), squared[3]


@refused(
    "validated on all points",
    says="the fourth stands alone",
    earned=1,
    misconception="averaged over all points",
)
def four_point_errors(x, y, degree):
    squared = (np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y) ** 2
    return squared[:3].mean(), squared.mean()


@refused("forgot the mean", says="Each value should be a number. Your answer is an array")
def four_point_errors(x, y, degree):
    squared = (np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y) ** 2
    return squared[:3], squared[3]


@refused("one number instead of two", says="Return two values, the training error and")
def four_point_errors(x, y, degree):
    return np.mean((np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y) ** 2)


@refused("prints instead of returning", says="Your function returned nothing (None)")
def four_point_errors(x, y, degree):
    squared = (np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y) ** 2
    print(squared[:3].mean(), squared[3])


@refused("returns texts", says="Your answer is a text, expected one number")
def four_point_errors(x, y, degree):
    squared = (np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y) ** 2
    return f"{squared[:3].mean()}", f"{squared[3]}"


@accepted("Newton's divided differences, by hand")
def four_point_errors(x, y, degree):
    if degree == 2:
        first, second = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
        bend = (second - first) / (x[2] - x[0])
        at = lambda a: y[0] + first * (a - x[0]) + bend * (a - x[0]) * (a - x[1])  # noqa: E731
    elif degree == 1:
        slope = np.cov(x[:3], y[:3])[0, 1] / np.var(x[:3], ddof=1)
        at = lambda a: np.mean(y[:3]) + slope * (a - np.mean(x[:3]))  # noqa: E731
    else:
        at = lambda a: np.mean(y[:3])  # noqa: E731
    errors = np.array([at(a) - b for a, b in zip(x, y, strict=True)])
    return np.mean(errors[:-1] ** 2), errors[-1] ** 2


@accepted("negative indices")
def four_point_errors(x, y, degree):
    fit = np.poly1d(np.polyfit(x[:-1], y[:-1], degree))
    return np.var(fit(x[:-1]) - y[:-1]), np.square(fit(x[-1]) - y[-1])


@refused("validated on the first point", says="on the first three points. For one")
def four_point_errors(x, y, degree):
    squared = (np.polyval(np.polyfit(x[1:], y[1:], degree), x) - y) ** 2
    return squared[1:].mean(), squared[0]


@refused("sorted the points first", says="on the first three points. For one")
def four_point_errors(x, y, degree):
    order = np.argsort(x)
    x, y = x[order], y[order]
    squared = (np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y) ** 2
    return squared[:3].mean(), squared[3]


@refused("took the residuals that polyfit reports", says="IndexError")
def four_point_errors(x, y, degree):
    coefficients, residuals, *_ = np.polyfit(x[:3], y[:3], degree, full=True)
    return residuals[0] / 3, (np.polyval(coefficients, x[3]) - y[3]) ** 2


@refused("filled an array of the type of y", says="squared error on the first", earned=1)
def four_point_errors(x, y, degree):
    fit = np.poly1d(np.polyfit(x[:3], y[:3], degree))
    squared = np.empty_like(y[:3])
    squared[:] = (fit(x[:3]) - y[:3]) ** 2
    return np.mean(squared), (fit(x[3]) - y[3]) ** 2


@refused("squared the mean", says="errors cancel", earned=1, misconception="signed error")
def four_point_errors(x, y, degree):
    errors = np.polyval(np.polyfit(x[:3], y[:3], degree), x) - y
    return errors[:3].mean() ** 2, errors[3] ** 2
