"""Right and wrong answers to the exercise build_dropout_mlp."""

from tests.answers import accepted, refused


def stack(*hidden, before=()):
    """Layers between an image and ten probabilities, and what stands before them."""
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            *before,
            *hidden,
            layers.Dense(10, activation="softmax"),
        ]
    )


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


# How many hidden layers there are, of what width, and how the pixels are scaled is free.
WIDTHS = (64, 32, 16)


def narrow(rate):
    from keras import layers

    return [layers.Dense(24, activation="tanh"), layers.Dropout(rate)]


def from_minus_one(*hidden):
    from keras import layers

    return stack(*hidden, before=[layers.Rescaling(2.0, offset=-1.0)])


@accepted("Sequential")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), layers.Dropout(rate))


@accepted("two narrow layers, tanh, compiled")
def build_dropout_mlp(rate):
    return compiled(stack(*narrow(rate), *narrow(rate)))


@accepted("functional, batch normalization, one dropout")
def build_dropout_mlp(rate):
    from keras import Input, Model, layers

    inputs = Input((28, 28))
    x = layers.Flatten()(inputs)
    x = layers.BatchNormalization()(layers.Dense(64, activation="relu")(x))
    x = layers.Dropout(rate)(layers.Dense(64, activation="relu")(x))
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


@accepted("before the activation, in a subclass")
def build_dropout_mlp(rate):
    import keras
    from keras import layers

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.hidden = layers.Flatten(), layers.Dense(100)
            self.dropout, self.out = layers.Dropout(rate), layers.Dense(10, "softmax")

        def call(self, x, training=None):
            x = self.dropout(self.hidden(self.flatten(x)), training=training)
            return self.out(keras.ops.relu(x))

    return MLP()


@accepted("alpha dropout, for SELU")
def build_dropout_mlp(rate):
    from keras import layers

    hidden = layers.Dense(64, activation="selu", kernel_initializer="lecun_normal")
    return stack(hidden, layers.AlphaDropout(rate))


@accepted("convolution with spatial dropout")
def build_dropout_mlp(rate):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.SpatialDropout2D(rate),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


@refused("no dropout", says="nothing is dropped", earned=2, misconception="no dropout")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(64, activation="relu"))


@refused(
    "rate is the share kept", says="A larger rate drops less", earned=3, misconception="share kept"
)
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), layers.Dropout(1 - rate))


@refused("rate ignored", says="is the argument used", earned=3, misconception="rate ignored")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), layers.Dropout(0.5))


@refused("half the rate", says="With rate 0.9 it drops 0.45.", earned=3, misconception="other rate")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), layers.Dropout(rate / 2))


@refused("always on", says="With training=False nothing", earned=2, misconception="dropped in use")
def build_dropout_mlp(rate):
    import keras
    from keras import layers

    class AlwaysOn(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout = layers.Dropout(rate)

        def call(self, x):
            return self.dropout(x, training=True)

    return stack(layers.Dense(128, activation="relu"), AlwaysOn())


@refused(
    "on the probabilities",
    says="dropout acts on them. The sums go from",
    earned=2,
    misconception="dropped probabilities",
)
def build_dropout_mlp(rate):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(10, activation="softmax"),
            layers.Dropout(rate),
        ]
    )


@refused("on the pixels", says="Whole pixels are dropped", earned=3, misconception="dropped pixels")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), before=[layers.Dropout(rate)])


@refused("no hidden layer", says="a hidden layer is missing", misconception="no hidden layer")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(before=[layers.Dropout(rate)])


@refused(
    "Gaussian noise that ignores the rate",
    says="is the argument used",
    earned=3,
    misconception="rate ignored",
)
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), layers.GaussianNoise(0.2))


@refused("no softmax", says="should return probabilities")
def build_dropout_mlp(rate):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(10),
        ]
    )


@refused("returns nothing", says="is there a `return`?")
def build_dropout_mlp(rate):
    pass


@accepted("few hidden units")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(4, activation="relu"), layers.Dropout(rate))


@accepted("pixels from -1 to 1, three layers, a fixed seed")
def build_dropout_mlp(rate):
    from keras import layers

    hidden = []
    for units in WIDTHS:
        hidden.append(layers.Dense(units, activation="relu"))
        hidden.append(layers.Dropout(rate, seed=units))
    return from_minus_one(*hidden)


@accepted("drawn by hand in a layer of its own")
def build_dropout_mlp(rate):
    import keras
    from keras import layers, ops

    class Drop(layers.Layer):
        def call(self, x, training=False):
            if not training:
                return x
            kept = ops.floor(keras.random.uniform(ops.shape(x)) + (1 - rate))
            return x * kept / (1 - rate)

    return stack(layers.Dense(64, activation="relu"), Drop())


@refused(
    "on the scores", says="exactly the same probability", earned=3, misconception="dropped scores"
)
def build_dropout_mlp(rate):
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
            layers.Dropout(rate),
            layers.Softmax(),
        ]
    )


@refused(
    "on the pixels, too", says="Whole pixels are dropped", earned=3, misconception="dropped pixels"
)
def build_dropout_mlp(rate):
    from keras import layers

    hidden = [layers.Dense(128, activation="relu"), layers.Dropout(rate)]
    return stack(*hidden, before=[layers.Dropout(rate)])


@refused("0 for no rate", says="With rate 0 nothing", earned=3, misconception="noise at rate 0")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(128, activation="relu"), layers.Dropout(rate or 0.5))


@refused(
    "another rate in the second layer",
    says="With rate 0.9 it drops 0.2.",
    earned=3,
    misconception="other rate",
)
def build_dropout_mlp(rate):
    from keras import layers

    return stack(
        layers.Dense(64, activation="relu"),
        layers.Dropout(rate),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.2 if rate else 0.0),
    )


@refused("never in training", says="nothing is dropped", earned=2, misconception="no dropout")
def build_dropout_mlp(rate):
    import keras
    from keras import layers

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.hidden = layers.Flatten(), layers.Dense(100, "relu")
            self.dropout, self.out = layers.Dropout(rate), layers.Dense(10, "softmax")

        def call(self, x, training=None):
            return self.out(self.dropout(self.hidden(self.flatten(x)), training=False))

    return MLP()


@refused(
    "in use instead of training",
    says="let Keras set the mode",
    earned=1,
    misconception="dropped in use",
)
def build_dropout_mlp(rate):
    import keras
    from keras import layers

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.hidden = layers.Flatten(), layers.Dense(100, "relu")
            self.dropout, self.out = layers.Dropout(rate), layers.Dense(10, "softmax")

        def call(self, x, training=False):
            return self.out(self.dropout(self.hidden(self.flatten(x)), training=not training))

    return MLP()


@refused(
    "drops pixels from -1 to 1",
    says="Whole pixels are dropped",
    earned=3,
    misconception="dropped pixels",
)
def build_dropout_mlp(rate):
    from keras import layers

    before = [layers.Rescaling(2.0, offset=-1.0), layers.Dropout(rate)]
    return stack(layers.Dense(64, activation="relu"), before=before)


@refused(
    "keeps what should go, by hand",
    says="Which units are kept",
    earned=3,
    misconception="blind at rate 0",
)
def build_dropout_mlp(rate):
    import keras
    from keras import layers, ops

    class Drop(layers.Layer):
        def call(self, x, training=False):
            if not training:
                return x
            kept = keras.random.uniform(ops.shape(x)) < rate
            return x * ops.cast(kept, x.dtype) / (1 - rate)

    return stack(layers.Dense(64, activation="relu"), Drop())


@refused("noise", says="none is dropped", earned=3, misconception="not dropped")
def build_dropout_mlp(rate):
    from keras import layers

    return stack(layers.Dense(64, activation="relu"), layers.GaussianDropout(rate))


@refused("drawn twice as often", says="none is dropped", earned=3, misconception="not dropped")
def build_dropout_mlp(rate):
    import keras
    from keras import layers, ops

    class Drop(layers.Layer):
        def call(self, x, training=False):
            if not training:
                return x
            return x * ops.ceil(keras.random.uniform(ops.shape(x)) + (1 - rate)) / (1 - rate)

    return stack(layers.Dense(64, activation="relu"), Drop())
