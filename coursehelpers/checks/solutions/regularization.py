"""Published solutions of the exercises in the regularization notebook."""

import keras
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
