"""Published solutions of the exercises in the data augmentation notebook."""

import keras
import numpy as np
from keras import layers


def triple_with_noise(x, y, noise):
    """Return every point with two noisy copies of it, and their labels."""
    return np.concatenate([x, x + noise[0], x + noise[1]]), np.concatenate([y, y, y])


def label_preserving(names):
    """Return the names of the transformations after which every digit is still the same digit."""
    breaking = ("mirror left and right", "mirror top and bottom", "half turn")
    return [name for name in names if name not in breaking]


def build_cat_augmenter():
    """Return a model of layers that transform photos in training and leave them alone in use."""
    return keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1, interpolation="nearest"),
            layers.RandomBrightness(0.1, value_range=(0, 1)),
        ]
    )


def split_then_augment(x, y, noise, order, validation):
    """Split off the last points of an order, then add a noisy copy of each of the others."""
    chosen, last = order[:-validation], order[-validation:]
    x_train = np.concatenate([x[chosen], x[chosen] + noise[chosen]])
    y_train = np.concatenate([y[chosen], y[chosen]])
    return (x_train, y_train), (x[last], y[last])


def build_noisy_mlp(std):
    """Return an MLP for digits of 8 x 8 pixels with Gaussian noise on its inputs in training."""
    return keras.Sequential(
        [
            layers.Input((8, 8)),
            layers.Flatten(),
            layers.GaussianNoise(std),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
