"""Published solutions of the exercises in the regularization notebook."""

import keras
import numpy as np
from keras import layers


def build_smaller_mlp():
    """Return an untrained MLP for 28 x 28 images with at most 50,000 parameters."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def build_l2_mlp(l2):
    """Return an MLP for 28 x 28 images, with the penalty l2 * sum w^2 on every kernel."""
    penalty = keras.regularizers.L2(l2)
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_regularizer=penalty),
            layers.Dense(10, activation="softmax", kernel_regularizer=penalty),
        ]
    )


def early_stopping(val_losses, patience):
    """Return the last epoch that is trained and the best one, for a patience of at least 1."""
    best_epoch = 0
    for epoch, val_loss in enumerate(val_losses):
        if val_loss < val_losses[best_epoch]:
            best_epoch = epoch
        if epoch - best_epoch >= patience:
            break
    return epoch, best_epoch


def inverted_dropout(x, rate, uniform):
    """Drop the entries of x where uniform < rate; scale the others to keep the expectation."""
    return np.where(uniform < rate, 0, x / (1 - rate))


def build_dropout_mlp(rate):
    """Return an MLP for 28 x 28 images that drops this share of its hidden units in training."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(10, activation="softmax"),
        ]
    )


def initial_std(kernel_shape, scheme):
    """Return the standard deviation of initial weights, for the scheme "glorot" or "he"."""
    *window, inputs, outputs = kernel_shape
    fan_in, fan_out = np.prod(window) * inputs, np.prod(window) * outputs
    return np.sqrt(2 / (fan_in + fan_out) if scheme == "glorot" else 2 / fan_in)


def learning_rate(step, steps, peak, warmup):
    """Return the rate at a step: linear warm-up to peak, then a cosine down to 0 at `steps`."""
    if step < warmup:
        return peak * step / warmup
    done = (step - warmup) / (steps - warmup)
    return peak / 2 * (1 + np.cos(np.pi * done))


def calibration_error(y, probabilities, bins):
    """Return the expected calibration error over bins of equal width."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y
    number = np.ceil(confidence * bins)  # bins 1, 2, ..., each with its upper edge
    return sum(
        np.mean(number == b) * abs(correct[number == b].mean() - confidence[number == b].mean())
        for b in np.unique(number)
    )


def build_regularized_mlp():
    """Return a compiled MLP that learns from noisy labels without learning the noise."""
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.01)),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
