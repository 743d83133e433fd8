"""Published solutions of the exercises in the transfer learning notebook."""

import keras
from keras import layers


def build_transfer_model(backbone, classes):
    """Return a compiled classifier: the frozen backbone, pooled, and a new softmax head."""
    backbone.trainable = False
    image = keras.Input(backbone.input_shape[1:])
    features = layers.GlobalAveragePooling2D()(backbone(image, training=False))
    probabilities = layers.Dense(classes, activation="softmax")(features)
    model = keras.Model(image, probabilities)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
