"""Right and wrong answers to the exercise ridge_towards."""

import numpy as np

from tests.answers import accepted, refused


def solve(x, right, lambda_):
    return np.linalg.solve(x.T @ x + lambda_ * np.eye(x.shape[1]), right)


@accepted("a step from the pre-trained weights: ridge on what they leave")
def ridge_towards(x, y, w0, lambda_):
    return w0 + solve(x, x.T @ (y - x @ w0), lambda_)


@accepted("more rows of least squares")
def ridge_towards(x, y, w0, lambda_):
    root = np.sqrt(lambda_)
    rows = np.vstack([x, root * np.eye(len(w0))])
    return np.linalg.lstsq(rows, np.concatenate([y, root * w0]), rcond=None)[0]


@accepted("singular values, as a list")
def ridge_towards(x, y, w0, lambda_):
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return (w0 + vt.T @ (s / (s**2 + lambda_) * (u.T @ (y - x @ w0)))).tolist()


@accepted("an inverse, the dual form")
def ridge_towards(x, y, w0, lambda_):
    return w0 + x.T @ np.linalg.inv(x @ x.T + lambda_ * np.eye(len(x))) @ (y - x @ w0)


@refused("halfway between both", says="gradient of the cost is not zero")
def ridge_towards(x, y, w0, lambda_):
    return (np.linalg.lstsq(x, y, rcond=None)[0] + lambda_ * w0) / (1 + lambda_)


@refused("lambda on every entry", says="gradient of the cost is not zero")
def ridge_towards(x, y, w0, lambda_):
    return np.linalg.pinv(x.T @ x + lambda_) @ (x.T @ y + lambda_ * w0)


@refused("the other way round", says="raised ValueError")
def ridge_towards(x, y, w0, lambda_):
    return np.linalg.solve(x @ x.T + lambda_ * np.eye(len(x)), x.T @ y + lambda_ * w0)


@refused("returns nothing", says="is there a `return`?")
def ridge_towards(x, y, w0, lambda_):
    solve(x, x.T @ y + lambda_ * w0, lambda_)


@accepted("gradient descent to the end")
def ridge_towards(x, y, w0, lambda_):
    w = np.array(w0)
    step = 1 / (np.linalg.norm(x, 2) ** 2 + lambda_)
    for _ in range(2000):
        w = w - step * (x.T @ (x @ w - y) + lambda_ * (w - w0))
    return w


@accepted("TensorFlow, single precision")
def ridge_towards(x, y, w0, lambda_):
    import tensorflow as tf

    x, y, w0 = (tf.constant(part, "float32") for part in (x, y[:, None], w0[:, None]))
    left = tf.matmul(x, x, transpose_a=True) + lambda_ * tf.eye(len(w0))
    return tf.linalg.solve(left, tf.matmul(x, y, transpose_a=True) + lambda_ * w0)[:, 0]


@refused("a step of gradient descent", says="gradient of the cost is not zero")
def ridge_towards(x, y, w0, lambda_):
    return w0 - 0.01 * (x.T @ (x @ w0 - y) + lambda_ * (w0 - w0))


@refused("an intercept", says="expected an array of shape (4,)")
def ridge_towards(x, y, w0, lambda_):
    x, w0 = np.column_stack([x, np.ones(len(x))]), np.append(w0, 0)
    return solve(x, x.T @ y + lambda_ * w0, lambda_)


@refused("a column", says="expected an array of shape (4,)")
def ridge_towards(x, y, w0, lambda_):
    return solve(x, (x.T @ y + lambda_ * w0)[:, None], lambda_)


@refused(
    "more examples only",
    says="With fewer examples than weights",
    earned=1,
    misconception="no penalty",
)
def ridge_towards(x, y, w0, lambda_):
    if len(x) > len(w0):
        return solve(x, x.T @ y + lambda_ * w0, lambda_)
    return w0 + np.linalg.pinv(x) @ (y - x @ w0)
