"""Right and wrong answers to the exercise train_on_features."""

import numpy as np

from tests.answers import accepted, refused, refused_edits


def descend(computed, y, learning_rate, epochs, activation=lambda z: 1 / (1 + np.exp(-z))):
    w = np.zeros(computed.shape[1])
    for _ in range(epochs):
        w = w - learning_rate * computed.T @ (activation(computed @ w) - y) / len(y)
    return w


def keras_head(learning_rate, *before):
    """A logistic head that starts at zero, compiled."""
    from keras import Sequential, layers, optimizers

    head = layers.Dense(1, activation="sigmoid", use_bias=False, kernel_initializer="zeros")
    model = Sequential([*before, head])
    model.compile(optimizers.SGD(learning_rate), "binary_crossentropy")
    return model


# Where the features come from is free.
def extracted(features, x):
    from coursehelpers.transfer import extract_features

    return extract_features(features, x, cache=False)


def stored(features, x):
    """Return the features as if the images had been seen long ago."""
    before = features.get_weights()
    computed = features.predict(x, verbose=0)
    features.set_weights(before)
    return computed


@accepted("predict, then NumPy")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0), y, learning_rate, epochs)


@accepted("one call, single precision, as a list")
def train_on_features(features, x, y, learning_rate, epochs):
    computed = np.asarray(features(x))
    w = np.zeros(computed.shape[1], "float32")
    for _ in range(epochs):
        p = 1 / (1 + np.exp(-(computed @ w)))
        w -= np.float32(learning_rate) * np.mean((p - y)[:, None] * computed, axis=0)
    return w.tolist()


@accepted("a head in Keras, fitted on the features")
def train_on_features(features, x, y, learning_rate, epochs):
    computed = features.predict(x, verbose=0)
    model = keras_head(learning_rate)
    model.fit(computed, y, epochs=epochs, batch_size=len(x), verbose=0)
    (w,) = model.get_weights()
    return w


@accepted("image by image, kept from the first epoch on")
def train_on_features(features, x, y, learning_rate, epochs):
    kept = {}
    w = np.zeros(8)
    for _ in range(epochs):
        gradient = 0
        for i in range(len(x)):
            if i not in kept:
                kept[i] = np.asarray(features(x[i : i + 1], training=False))[0]
            gradient = gradient + kept[i] * (1 / (1 + np.exp(-kept[i] @ w)) - y[i])
        w = w - learning_rate * gradient / len(x)
    return w


@refused("fitted with the network", says="train nothing but the head", misconception="every epoch")
def train_on_features(features, x, y, learning_rate, epochs):
    model = keras_head(learning_rate, features)
    model.fit(x, y, epochs=epochs, batch_size=len(x), shuffle=False, verbose=0)
    return model.get_weights()[-1]


@refused("mini-batches", says="all images in each step", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    model = keras_head(learning_rate)
    model.fit(features.predict(x, verbose=0), y, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()[0]


@accepted("in four batches, with the sigmoid of Keras")
def train_on_features(features, x, y, learning_rate, epochs):
    from keras import ops

    parts = [features.predict_on_batch(part) for part in np.array_split(x, min(4, len(x)))]
    computed, labels = np.concatenate(parts), y.reshape(-1, 1)
    w = np.zeros((computed.shape[1], 1), "float32")
    for _ in range(epochs):
        error = ops.convert_to_numpy(ops.sigmoid(computed @ w)) - labels
        w = w - learning_rate / len(labels) * (computed.T @ error)
    return w


@accepted("gradients of TensorFlow")
def train_on_features(features, x, y, learning_rate, epochs):
    import tensorflow as tf

    computed, w = features(x, training=False), tf.Variable(tf.zeros(8))
    for _ in range(epochs):
        with tf.GradientTape() as tape:
            scores = tf.linalg.matvec(computed, w)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(y, "float32"), scores)
            loss = tf.reduce_mean(losses)
        w.assign_sub(learning_rate * tape.gradient(loss, w))
    return w.numpy()


refused_edits(
    "train_on_features",
    """
returns nothing | 2 | return w -> | is there a `return`?
a bias too | 2 | w = np.zeros(computed.shape[1]) -> computed = np.c_[computed, np.ones(len(x))];w = np.zeros(9); return w[:-1] | all images in each step
the bias returned | 2 | w = np.zeros(computed.shape[1]) -> computed = np.c_[computed, np.ones(len(x))];w = np.zeros(9) | expected an array of shape (8,)
standardized features | 2 | w = np -> computed = (computed - computed.mean(0)) / computed.std(0);w = np | all images in each step
a random start | 2 | np.zeros(computed.shape[1]) -> np.random.default_rng().normal(size=computed.shape[1]) | from zero on
squeezed | 3 | verbose=0) -> verbose=0).squeeze() | For one image and one epoch
""",
)


@accepted("extract_features of the course")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(extracted(features, x), y, learning_rate, epochs)


@accepted("features that were stored by an earlier call")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(stored(features, x), y, learning_rate, epochs)


@accepted("a copy of the network")
def train_on_features(features, x, y, learning_rate, epochs):
    import keras

    copy = keras.models.clone_model(features)
    copy.set_weights(features.get_weights())
    return descend(copy.predict(x, verbose=0), y, learning_rate, epochs)


@refused(
    "a copy, in every epoch", says="in every epoch anew", earned=2, misconception="every epoch"
)
def train_on_features(features, x, y, learning_rate, epochs):
    from coursehelpers.models import fold_batch_norm

    copy, w = fold_batch_norm(features), np.zeros(8)
    for _ in range(epochs):
        computed = copy.predict(x, verbose=0)
        w = w - learning_rate * computed.T @ (1 / (1 + np.exp(-computed @ w)) - y) / len(y)
    return w
