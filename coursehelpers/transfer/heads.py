"""The last layer on frozen features: a convex problem, solved exactly."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import keras

# L2 strengths in half powers of ten, from 100 to 1e-5: each solution starts at the one before.
STRENGTHS = tuple(10.0 ** (power / 2) for power in range(4, -11, -1))
PATIENCE = 2  # strengths that may be worse than the best before the weaker ones are left out


@dataclass(frozen=True, eq=False, repr=False)
class Head:
    """A softmax layer: what `train_head` returns.

    Attributes
    ----------
    kernel : ndarray of float32, shape (features, classes)
    bias : ndarray of float32, shape (classes,)
    strength : float
        The chosen strength of the L2 penalty.
    losses : dict of float to float
        Cross-entropy on the validation data by the strengths that were tried.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float
    losses: dict[float, float]

    def predict(self, features: ArrayLike) -> np.ndarray:
        """Return probabilities, of shape (n, classes), of features (n, features)."""
        from scipy.special import softmax

        features = np.asarray(features)
        if features.ndim != 2 or features.shape[1] != len(self.kernel):
            raise ValueError(
                f"features must have the shape (n, {len(self.kernel)}), got {features.shape}."
            )
        return softmax(features @ self.kernel + self.bias, axis=1)

    def accuracy(self, features: ArrayLike, y: ArrayLike) -> float:
        """Return the share of features (n, features) whose likeliest class is the one in y (n,)."""
        return float((self.predict(features).argmax(axis=1) == y).mean())

    def __repr__(self) -> str:
        features, classes = self.kernel.shape
        return (
            f"Head: {features} features, {classes} classes, L2 strength {self.strength:.3g} "
            f"of {len(self.losses)} tried"
        )


def train_head(
    features: ArrayLike, y: ArrayLike, *, validation: tuple[ArrayLike, ArrayLike]
) -> Head:
    """Train a softmax layer on features, its L2 strength chosen on validation data.

    Minimizes the mean cross-entropy plus ``strength / 2`` times the sum of the squared weights of
    standardized features, without penalty on the biases. This is convex, and L-BFGS finds the
    solution in seconds: no learning rate, epochs or seed to choose, and every run gives the same
    head. Strengths from 100 down to 1e-5 are tried until they do worse; the one with the lowest
    validation cross-entropy wins, which says more than accuracy where examples are few. The
    standardization is then folded into the weights.

    Parameters
    ----------
    features : ndarray of float, shape (n, features)
        What `extract_features` returns.
    y : ndarray of int, shape (n,)
        Class numbers 0, 1, 2, ..., each of them at least once.
    validation : tuple of ndarray
        Features (m, features) and class numbers (m,) of other examples.

    Returns
    -------
    Head

    Raises
    ------
    ValueError
        If shapes, types or class numbers are not as above, or a feature is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(100) % 2
    >>> x = rng.normal(size=(100, 3)) + 2 * y[:, None]
    >>> head = train_head(x[:60], y[:60], validation=(x[60:], y[60:]))
    >>> head.accuracy(x[60:], y[60:]) > 0.9
    True
    """
    x, y = _require_examples("features and y", features, y)
    x_val, y_val = _require_examples("validation", *validation)
    classes = require_classes(y, y_val)
    if x.shape[1] != x_val.shape[1]:
        raise ValueError(
            f"features and validation must have as many features, got {x.shape[1]} and "
            f"{x_val.shape[1]}."
        )
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    # A feature that never changes stays zero, and so does its weight.
    deviation[deviation == 0] = 1
    x, x_val = (x - mean) / deviation, (x_val - mean) / deviation
    losses = dict[float, float]()
    best: Any = None  # its strength and weights
    weights = np.zeros((x.shape[1] + 1, classes))
    for strength in STRENGTHS:
        weights = _minimize(x, y, strength, weights)
        losses[strength] = _cross_entropy(x_val, y_val, weights)
        if best is None or losses[strength] < losses[best[0]]:
            best = strength, weights
        elif len(losses) - list(losses).index(best[0]) > PATIENCE:
            break
    strength, weights = best
    kernel = weights[:-1] / deviation[:, None]
    bias = weights[-1] - mean @ kernel
    return Head(kernel.astype(np.float32), bias.astype(np.float32), strength, losses)


def attach_head(backbone: "keras.Model", head: Head) -> "keras.Model":
    """Put a head on a backbone: one Keras model, from images to probabilities.

    Parameters
    ----------
    backbone : keras.Model
        With pooling; it becomes a layer of the model, shared, not copied. To train the model
        further, `coursehelpers.models.freeze` the backbone: ``fit`` of Keras 3 calls its
        normalization with ``training=True`` unless it is frozen.
    head : Head
        What `train_head` made of the backbone's features.

    Returns
    -------
    keras.Model
        From images with values in 0..255, of shape (n, height, width, 3), to probabilities of shape
        (n, classes).

    Raises
    ------
    ValueError
        If the backbone's output is not what the head takes.

    Examples
    --------
    >>> from coursehelpers.models import build_backbone
    >>> backbone = build_backbone(weights=None, input_shape=(32, 32, 3), pooling="avg")
    >>> head = Head(np.zeros((1280, 2), "float32"), np.zeros(2, "float32"), 1.0, {})
    >>> attach_head(backbone, head).predict(np.zeros((1, 32, 32, 3)), verbose=0).tolist()
    [[0.5, 0.5]]
    """
    import keras

    features, classes = head.kernel.shape
    if backbone.output_shape != (None, features):
        raise ValueError(
            f"The head takes {features} features, but {backbone.name} gives the shape "
            f'{backbone.output_shape}. Build the backbone with pooling="avg", and train the head '
            "on its features."
        )
    inputs = keras.Input(backbone.input_shape[1:], name="input")
    # Probabilities in full precision, whatever the backbone computes in.
    layer = keras.layers.Dense(classes, activation="softmax", name="head", dtype="float32")
    model = keras.Model(
        inputs, layer(backbone(inputs, training=False)), name=f"{backbone.name}_with_head"
    )
    layer.set_weights([head.kernel, head.bias])
    return model


def _minimize(x, y, strength, start):
    from scipy.optimize import minimize

    rows = np.arange(len(y))

    def objective(flat):
        weights = flat.reshape(start.shape)
        log_p = _log_probabilities(x, weights)
        loss = -log_p[rows, y].mean() + strength / 2 * np.sum(weights[:-1] ** 2)
        error = np.exp(log_p)
        error[rows, y] -= 1
        error /= len(y)
        slope = np.concatenate([x.T @ error + strength * weights[:-1], [error.sum(axis=0)]])
        return loss, slope.ravel()

    options = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-6}
    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(start.shape)


def _log_probabilities(x, weights):
    from scipy.special import log_softmax

    return log_softmax(x @ weights[:-1] + weights[-1], axis=1)


def _cross_entropy(x, y, weights):
    return float(-_log_probabilities(x, weights)[np.arange(len(y)), y].mean())


def _require_examples(
    name: str, x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(y):
        raise ValueError(
            f"{name} must have the shapes (n, features) and (n,) with n of at least 1, got "
            f"{x.shape} and {y.shape}."
        )
    if x.dtype.kind not in "uif" or y.dtype.kind not in "ui":
        raise ValueError(
            f"{name} must be numbers and class numbers 0, 1, 2, ..., got the dtypes {x.dtype} and "
            f"{y.dtype}."
        )
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{name} must be finite, but {(~np.isfinite(x)).sum()} features are not.")
    return x, y.astype(np.int64)


def require_classes(y: ArrayLike, y_val: ArrayLike) -> int:
    """Return how many classes `y` has; `y_val` may have no other ones."""
    found = np.unique(y)
    if len(found) < 2 or not np.array_equal(found, np.arange(len(found))):
        raise ValueError(
            "y must hold the class numbers 0, 1, 2, ..., each at least once and two or more of "
            f"them, got {', '.join(map(str, found[:10].tolist()))}."
        )
    strange = np.setdiff1d(y_val, found)
    if len(strange):
        raise ValueError(f"validation has the class {strange[0]}, which y does not have.")
    return len(found)
