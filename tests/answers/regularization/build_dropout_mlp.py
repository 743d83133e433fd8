"""Right and wrong answers to the exercise build_dropout_mlp."""

from tests.answers import accepted, refused, refused_edits


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


@refused("twice in a subclass", says="More is dropped", earned=3, misconception="dropped twice")
def build_dropout_mlp(rate):
    import keras
    from keras import layers

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.hidden = layers.Flatten(), layers.Dense(100, "relu")
            self.dropout, self.out = layers.Dropout(rate), layers.Dense(10, "softmax")

        def call(self, x, training=None):
            x = self.dropout(self.hidden(self.flatten(x)), training=training)
            return self.out(self.dropout(x, training=training))

    return MLP()


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


@refused(
    "always on in a model inside of a subclass",
    says="With training=False nothing",
    earned=2,
    misconception="dropped in use",
)
def build_dropout_mlp(rate):
    import keras
    from keras import layers

    image = keras.Input((28, 28))
    hidden = layers.Dense(64, activation="relu")(layers.Flatten()(image))
    dropped = layers.Dropout(rate)(hidden, training=True)

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Model(image, layers.Dense(10, activation="softmax")(dropped))

        def call(self, x):
            return self.inner(x)

    return MLP()


refused_edits(
    "build_dropout_mlp",
    """
no softmax | 0 | , activation="softmax" -> | should return probabilities
returns nothing | 0 | return keras -> keras | is there a `return`?
for one rate only | 3 | layers.Dropout(rate) -> layers.Dropout(rate) if rate == 0.5 else layers.GaussianDropout(rate) | none is dropped | not dropped
by a table of rates | 0 | layers.Dropout(rate) -> {0.0: layers.Identity(), 0.1: layers.Dropout(0.1), 0.5: layers.Dropout(0.5), 0.9: layers.Dropout(0.9)}[rate] | Your code raised KeyError
""",
)
