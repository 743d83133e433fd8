"""Right and wrong answers to the exercise build_l2_mlp."""

import numpy as np

from tests.answers import accepted, refused

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
    return compiled(image, layers.Dense(10, kernel_regularizer=regularizers.L2(l2))(x))


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
            layers.Dense(10, kernel_regularizer=penalty),
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
            self.out = layers.Dense(10, kernel_regularizer=Penalty())

        def call(self, x):
            return self.out(self.hidden(self.flatten(x)))

    return MLP()


@refused("no penalty", says="model.losses holds []", earned=1)
def build_l2_mlp(l2):
    return sequential()


@refused("hidden layer only", says="Not every kernel", earned=2, misconception="some kernels only")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(first={"kernel_regularizer": regularizers.L2(l2)})


@refused("output layer only", says="Not every kernel", earned=2, misconception="some kernels only")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(last={"kernel_regularizer": regularizers.L2(l2)})


@refused("biases as well", says="on the biases", earned=2, misconception="biases")
def build_l2_mlp(l2):
    from keras import regularizers

    penalty = regularizers.L2(l2)
    return sequential(kernel_regularizer=penalty, bias_regularizer=penalty)


@refused("biases instead", says="on the biases", earned=1, misconception="biases")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(bias_regularizer=regularizers.L2(l2))


@refused("l2 ignored", says="is the argument used", earned=3, misconception="l2 ignored")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_regularizer=regularizers.L2())


@refused("by name", says="is the argument used", earned=3, misconception="l2 ignored")
def build_l2_mlp(l2):
    return sequential(kernel_regularizer="l2")


@refused("halved", says="half of the right number", earned=2, misconception="halved")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_regularizer=regularizers.L2(l2 / 2))


@refused("L1 instead", says="this is the other penalty", earned=2, misconception="other penalty")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_regularizer=regularizers.L1(l2))


@refused(
    "activities instead", says="on activities, not on kernels", earned=2, misconception="activities"
)
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(activity_regularizer=regularizers.L2(l2))


@refused(
    "no hidden layer",
    says="A hidden layer is missing. The number of kernels is 1",
    earned=2,
    misconception="no hidden layer",
)
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(hidden=False, kernel_regularizer=regularizers.L2(l2))


@refused("a penalty for each weight", says="each should be one number")
def build_l2_mlp(l2):
    return sequential(kernel_regularizer=lambda w: l2 * w**2)


@refused("the scores too", says="a list of 2 entries; let it have a single output")
def build_l2_mlp(l2):
    from keras import Model, layers, regularizers

    image = layers.Input((28, 28))
    scores = layers.Dense(10, kernel_regularizer=regularizers.L2(l2))(layers.Flatten()(image))
    return Model(image, [scores, layers.Softmax()(scores)])


@refused("the regularizer alone", says="an object of type L2")
def build_l2_mlp(l2):
    from keras import regularizers

    return regularizers.L2(l2)


@refused("one output", says="should return shape (5, 10)")
def build_l2_mlp(l2):
    from keras import Sequential, layers, regularizers

    penalty = regularizers.L2(l2)
    return Sequential(
        [layers.Input((28, 28)), layers.Flatten(), layers.Dense(1, kernel_regularizer=penalty)]
    )


@refused("returns nothing", says="is there a `return`?")
def build_l2_mlp(l2):
    sequential()


@refused("a number", says="should return a Keras model")
def build_l2_mlp(l2):
    return l2 * np.ones(3).sum()


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
        [layers.Input((28, 28)), layers.Flatten(), linear(UNITS, penalty), linear(10, penalty)]
    )


@accepted("one term for all kernels, normalized images, scores")
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
            return x

    return MLP()


@refused("another constant", says="is the argument used", earned=2, misconception="l2 ignored")
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_regularizer=regularizers.L2(0.001))


@refused("norm", says="without taking a root", earned=2, misconception="norm")
def build_l2_mlp(l2):
    from keras import ops

    return sequential(kernel_regularizer=lambda w: l2 * ops.norm(w))


@refused("L1 as well", says="add up to l2 times the sum of the squares", earned=2)
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_regularizer=regularizers.L1L2(l2, l2))


@refused("mean of the squares", says="add up to l2 times the sum of the squares", earned=2)
def build_l2_mlp(l2):
    from keras import ops

    return sequential(kernel_regularizer=lambda w: l2 * ops.mean(w**2))


@refused("kernels of zeros", says="A kernel is all zero", misconception="zero kernel", earned=1)
def build_l2_mlp(l2):
    from keras import regularizers

    return sequential(kernel_initializer="zeros", kernel_regularizer=regularizers.L2(l2))
