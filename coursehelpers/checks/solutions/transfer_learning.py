"""Published solutions of the exercises in the transfer learning notebook."""

import keras
import numpy as np
from keras import layers


def build_transfer_model(backbone, classes):
    """Return a compiled classifier: the frozen backbone, pooled, and a new softmax head."""
    backbone.trainable = False
    image = keras.Input(backbone.input_shape[1:])
    features = layers.GlobalAveragePooling2D()(backbone(image))
    probabilities = layers.Dense(classes, activation="softmax")(features)
    model = keras.Model(image, probabilities)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train_on_features(features, x, y, learning_rate, epochs):
    """Return the weights of a logistic head, trained on features that are computed once."""
    computed = features.predict(x, verbose=0)
    w = np.zeros(computed.shape[1])
    for _ in range(epochs):
        p = 1 / (1 + np.exp(-computed @ w))
        w = w - learning_rate * computed.T @ (p - y) / len(y)
    return w


def unfreeze_last(backbone, blocks, k):
    """Let the last k blocks of a backbone learn, but for their batch normalization."""
    learning = [name for block in blocks[len(blocks) - k :] for name in block]
    backbone.trainable = True
    for layer in backbone.layers:
        normalizes = isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer.name in learning and not normalizes


def build_fine_tuning_model(backbone, classes, learning_rate):
    """Return a compiled classifier that learns all but the batch normalization of its backbone."""
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    image = keras.Input(backbone.input_shape[1:])
    features = layers.GlobalAveragePooling2D()(backbone(image))
    probabilities = layers.Dense(classes, activation="softmax")(features)
    model = keras.Model(image, probabilities)
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    return model
