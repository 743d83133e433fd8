"""Right and wrong answers to the exercise build_l2_mlp."""

from tests.answers import accepted, refused, refused_edits

# What an answer is free to choose.
UNITS = 16
HIDDEN = [{"units": units, "activation": "tanh", "use_bias": False} for units in (16, 8)]
WINDOW = {"filters": 4, "kernel_size": 3, "strides": 3}
IMAGE = {"axis": (1, 2)}


def compiled(*ends):
    """A functional model that is ready to be trained."""
    from keras import Model

    model = Model(*ends)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def normalized_and_flat():
    """Layers without kernels."""
    from keras import layers

    return layers.BatchNormalization(), layers.ReLU(), layers.Flatten()


def sequential(first=None, last=None, hidden=True, **options):
    """A small MLP with the given arguments of its layers."""
    from keras import Sequential, layers

    model = Sequential([layers.Input((28, 28)), layers.Flatten()])
    if hidden:
        model.add(layers.Dense(32, activation="relu", **(first or {}), **options))
    model.add(layers.Dense(10, activation="softmax", **(last or {}), **options))
    return model


@accepted("Sequential")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_regularizer=regularizers.L2(l2))


@accepted("functional, compiled, three kernels, no biases")
def build_l2_mlp(l2):
    from keras import Input, layers, regularizers

    image = Input((28, 28))
    x = layers.Flatten()(image)
    for options in HIDDEN:
        x = layers.Dense(kernel_regularizer=regularizers.L1L2(0.0, l2), **options)(x)
    head = layers.Dense(10, "softmax", kernel_regularizer=regularizers.L2(l2))
    return compiled(image, head(x))


@accepted("convolution and batch normalization")
def build_l2_mlp(l2):
    from keras import Sequential, layers, regularizers

    penalty = regularizers.L2(l2)
    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(**WINDOW, kernel_regularizer=penalty),
            *normalized_and_flat(),
            layers.Dense(10, activation="softmax", kernel_regularizer=penalty),
        ]
    )


@accepted("a regularizer of one's own, in a subclass")
def build_l2_mlp(l2):
    import keras
    from keras import layers, ops

    class Penalty(keras.regularizers.Regularizer):
        def __call__(self, w):
            return l2 * ops.sum(w**2)

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = layers.Flatten()
            self.hidden = layers.Dense(UNITS, kernel_regularizer=Penalty())
            self.out = layers.Dense(10, "softmax", kernel_regularizer=Penalty())

        def call(self, x):
            return self.out(self.hidden(self.flatten(x)))

    return MLP()


@refused("the scores too", says="a list of 2 entries; let it have a single output")
def build_l2_mlp(l2):
    from keras import Model, layers, regularizers

    image = layers.Input((28, 28))
    scores = layers.Dense(10, kernel_regularizer=regularizers.L2(l2))(layers.Flatten()(image))
    return Model(image, [scores, layers.Softmax()(scores)])


def linear(units, penalty):
    """A layer with a kernel and a bias of two axes, neither called so."""
    from keras import Layer

    class Linear(Layer):
        def build(self, shape):
            shape = (shape[-1], units)
            self.w = self.add_weight(shape, "glorot_uniform", regularizer=penalty, name="w")
            self.b = self.add_weight((1, units), "zeros", name="b")

        def call(self, x):
            return x @ self.w + self.b

    return Linear()


@accepted("layers of one's own, biases with two axes")
def build_l2_mlp(l2):
    from keras import Sequential, layers, regularizers

    penalty = regularizers.L2(l2)
    return Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            linear(UNITS, penalty),
            linear(10, penalty),
            layers.Softmax(),
        ]
    )


@accepted("one term for all kernels, normalized images")
def build_l2_mlp(l2):
    import keras
    from keras import layers, ops

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalize = layers.LayerNormalization(**IMAGE)
            self.flatten = layers.Flatten()
            self.dense = [layers.Dense(UNITS), layers.Dense(10)]

        def call(self, x):
            x = self.dense[1](self.dense[0](self.flatten(self.normalize(x))))
            self.add_loss(l2 * sum(ops.sum(layer.kernel**2) for layer in self.dense))
            return ops.softmax(x)

    return MLP()


refused_edits(
    "build_l2_mlp",
    """
scores | 3 | , activation="softmax" -> | should return probabilities, which add up to 1
no penalty | 1 | , kernel_regularizer=penalty -> | model.losses holds []
by name | 3 | =penalty -> ="l2" | is the argument used | l2 ignored
L1 as well | 2 | L2(l2) -> L1L2(l2, l2) | add up to l2 times the sum of the squares
mean of the squares | 2 | keras.regularizers.L2(l2) -> lambda w: l2 * keras.ops.mean(w**2) | add up to l2 times the sum of the squares
a penalty for each weight | 0 | keras.regularizers.L2(l2) -> lambda w: l2 * w**2 | each should be one number
the regularizer alone | 0 | return keras.Sequential -> return penalty;keras.Sequential | an object of type L2
one output | 0 | Dense(10 -> Dense(1 | should return shape (5, 10)
returns nothing | 0 | return keras -> keras | is there a `return`?
a number | 0 | return 3 * l2 | should return a Keras model
""",
)
