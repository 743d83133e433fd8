"""Right and wrong answers to the exercise least_squares_errors."""

import numpy as np

from tests.answers import accepted, refused


@accepted("pseudo-inverse and norms")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    sets = (x_train, y_train), (x_validation, y_validation)
    return np.array([np.linalg.norm(x @ w - y) ** 2 / len(y) for x, y in sets])


@accepted("ridge with a tiny lambda")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    gram = x_train.T @ x_train + 1e-8 * np.eye(x_train.shape[1])
    w = np.linalg.solve(gram, x_train.T @ y_train)
    return [np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)]


@accepted("normal equations, the dual ones for more features")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    m, d = x_train.shape
    if d <= m:
        w = np.linalg.solve(x_train.T @ x_train, x_train.T @ y_train)
    else:
        w = x_train.T @ np.linalg.solve(x_train @ x_train.T, y_train)
    errors = [0.0, 0.0]
    for i, (x, y) in enumerate([(x_train, y_train), (x_validation, y_validation)]):
        for row, target in zip(x, y, strict=True):
            errors[i] += (sum(a * b for a, b in zip(row, w, strict=True)) - target) ** 2 / len(y)
    return tuple(errors)


@accepted("gradient descent from zero")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.zeros(x_train.shape[1])
    rate = 1 / np.linalg.norm(x_train, 2) ** 2
    for _ in range(2000):
        w -= rate * x_train.T @ (x_train @ w - y_train)
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)


@accepted("float32 with Keras ops")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    from keras import ops

    x = ops.convert_to_tensor(x_train, "float32")
    left, values, right = ops.svd(x, full_matrices=False)
    coordinates = ops.matmul(ops.transpose(left), y_train.astype("float32")[:, None])
    w = ops.matmul(ops.transpose(right), coordinates / values[:, None])
    residuals = ops.matmul(x, w)[:, 0] - y_train.astype("float32")
    others = ops.matmul(x_validation.astype("float32"), w)[:, 0] - y_validation.astype("float32")
    return ops.mean(residuals**2), ops.mean(others**2)


@refused(
    "fitted on each set anew",
    says="fit the validation data",
    earned=1,
    misconception="fitted on validation data",
)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    v = np.linalg.pinv(x_validation) @ y_validation
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ v - y_validation) ** 2)


@refused(
    "squared the mean, not the errors", says="should be the mean squared error of least squares"
)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    return np.mean(y_train - x_train @ w) ** 2, np.mean(y_validation - x_validation @ w) ** 2


# Rounding decides whether the matrix has an inverse.
@refused(
    "inverted X^T X for more features too",
    says={"take those of smallest norm", "Your code raised LinAlgError"},
    earned=2,
)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.inv(x_train.T @ x_train) @ x_train.T @ y_train
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)


@refused("one number instead of two", says="Return two values")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    return np.mean((x_validation @ w - y_validation) ** 2)


@refused("returns the residuals", says="expected one number")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    return (x_train @ w - y_train) ** 2, (x_validation @ w - y_validation) ** 2


@refused("prints instead of returning", says="Your function returned nothing (None)")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    print(np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2))


@accepted("QR of either side")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    if x_train.shape[0] >= x_train.shape[1]:
        q, r = np.linalg.qr(x_train)
        w = np.linalg.solve(r, q.T @ y_train)
    else:
        q, r = np.linalg.qr(x_train.T)
        w = q @ np.linalg.solve(r.T, y_train)
    return np.var(x_train @ w - y_train) + np.mean(x_train @ w - y_train) ** 2, np.square(
        np.subtract(x_validation @ w, y_validation)
    ).mean()


@accepted("lstsq with labels in a column")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.lstsq(x_train, y_train[:, None], rcond=None)[0]
    train, validation = x_train @ w - y_train[:, None], x_validation @ w - y_validation[:, None]
    return (train.T @ train) / len(train), (validation.T @ validation) / len(validation)


@refused("broadcast a column against a row", says="mean squared error of least squares")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.lstsq(x_train, y_train[:, None], rcond=None)[0]
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)


@refused("fits all labels with the first m features alone", says="those of smallest norm", earned=2)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    m, d = x_train.shape
    w = np.zeros(d)
    w[:m] = np.linalg.lstsq(x_train[:, :m], y_train, rcond=None)[0]
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)


@refused("forgot the peak", says="UnboundLocalError", earned=2)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    m, d = x_train.shape
    if d < m:
        w = np.linalg.solve(x_train.T @ x_train, x_train.T @ y_train)
    elif d > m:
        w = x_train.T @ np.linalg.solve(x_train @ x_train.T, y_train)
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)


@refused("squeezed to one number", says="IndexError", earned=2)
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    w = np.linalg.pinv(x_train) @ y_train
    residuals = np.squeeze(x_validation @ w - y_validation)
    validation = sum(residuals[i] ** 2 for i in range(len(y_validation))) / len(y_validation)
    return np.mean((x_train @ w - y_train) ** 2), validation


@refused("a strong ridge", says="mean squared error of least squares")
def least_squares_errors(x_train, y_train, x_validation, y_validation):
    gram = x_train.T @ x_train + np.eye(x_train.shape[1])
    w = np.linalg.solve(gram, x_train.T @ y_train)
    return np.mean((x_train @ w - y_train) ** 2), np.mean((x_validation @ w - y_validation) ** 2)
