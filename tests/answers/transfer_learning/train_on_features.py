"""Right and wrong answers to the exercise train_on_features."""

import numpy as np

from tests.answers import accepted, refused


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


@refused("in every epoch", says="in every epoch anew", earned=2, misconception="every epoch")
def train_on_features(features, x, y, learning_rate, epochs):
    w = np.zeros(features.output_shape[-1])
    for _ in range(epochs):
        computed = features.predict(x, verbose=0)
        w = w - learning_rate * computed.T @ (1 / (1 + np.exp(-computed @ w)) - y) / len(y)
    return w


@refused("fitted with the network", says="train nothing but the head", misconception="every epoch")
def train_on_features(features, x, y, learning_rate, epochs):
    model = keras_head(learning_rate, features)
    model.fit(x, y, epochs=epochs, batch_size=len(x), shuffle=False, verbose=0)
    return model.get_weights()[-1]


@refused("fitted, frozen", says="in every epoch anew", earned=2, misconception="every epoch")
def train_on_features(features, x, y, learning_rate, epochs):
    features.trainable = False
    model = keras_head(learning_rate, features)
    model.fit(x, y, epochs=epochs, batch_size=len(x), shuffle=False, verbose=0)
    return next(w for w in model.get_weights() if w.shape == (8, 1))


@refused("once more for the size", says="more than once", earned=2, misconception="features twice")
def train_on_features(features, x, y, learning_rate, epochs):
    assert features(x[:1]).shape[1] == 8
    return descend(features.predict(x, verbose=0), y, learning_rate, epochs)


@refused(
    "in training mode",
    says="depend on the other",
    earned=2,
    misconception="features in training mode",
)
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(np.asarray(features(x, training=True)), y, learning_rate, epochs)


@refused("mini-batches", says="all images in each step", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    model = keras_head(learning_rate)
    model.fit(features.predict(x, verbose=0), y, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()[0]


@refused("pixels", says="No image went through", misconception="no features")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(x.mean(axis=(1, 2)) / 255, y, learning_rate, epochs)


@refused("one step", says="after a single epoch", earned=2, misconception="one epoch only")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0), y, learning_rate, 1)


@refused("one step too many", says="too many or too few", earned=2, misconception="one epoch off")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0), y, learning_rate, epochs + 1)


@refused("sum", says="is a mean over the images", earned=2, misconception="sum, not mean")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0), y, learning_rate * len(y), epochs)


@refused("uphill", says="go uphill", earned=2, misconception="uphill")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0), y, -learning_rate, epochs)


@refused("linear", says="should be probabilities", earned=2, misconception="no sigmoid")
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0), y, learning_rate, epochs, lambda z: z)


@refused("returns nothing", says="is there a `return`?", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    descend(features.predict(x, verbose=0), y, learning_rate, epochs)


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


@refused("a bias too", says="all images in each step", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    computed = np.column_stack([features.predict(x, verbose=0), np.ones(len(x))])
    return descend(computed, y, learning_rate, epochs)[:-1]


@refused("the bias returned", says="expected an array of shape (8,)", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    computed = np.column_stack([features.predict(x, verbose=0), np.ones(len(x))])
    return descend(computed, y, learning_rate, epochs)


@refused("standardized features", says="all images in each step", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    computed = features.predict(x, verbose=0)
    return descend((computed - computed.mean(0)) / computed.std(0), y, learning_rate, epochs)


@refused("half of the images", says="It saw 20 images", misconception="some features")
def train_on_features(features, x, y, learning_rate, epochs):
    half = len(x) // 2
    return descend(features.predict(x[:half], verbose=0), y[:half], learning_rate, epochs)


@refused("a random start", says="from zero on", earned=2)
def train_on_features(features, x, y, learning_rate, epochs):
    w = np.random.default_rng().normal(size=features.output_shape[-1])
    computed = features.predict(x, verbose=0)
    for _ in range(epochs):
        w = w - learning_rate * computed.T @ (1 / (1 + np.exp(-computed @ w)) - y) / len(y)
    return w


@refused("for each image twice", says="It saw 80 images", earned=2, misconception="features twice")
def train_on_features(features, x, y, learning_rate, epochs):
    features.predict(x, verbose=0)
    return descend(features.predict(x, verbose=0), y, learning_rate, epochs)


@refused("squeezed", says="For one image and one epoch", earned=3)
def train_on_features(features, x, y, learning_rate, epochs):
    return descend(features.predict(x, verbose=0).squeeze(), y, learning_rate, epochs)
