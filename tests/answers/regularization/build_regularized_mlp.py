"""Right and wrong answers to the exercise build_regularized_mlp."""

from tests.answers import accepted, refused, refused_edits


def compiled(
    *hidden, last="softmax", loss="sparse_categorical_crossentropy", optimizer="adam", **end
):
    """A compiled network of the given layers between an image and ten outputs."""
    from keras import Sequential, layers

    model = Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            *hidden,
            layers.Dense(10, activation=last, **end),
        ]
    )
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


# Any means will do, and so will many strengths: what the accepted answers choose freely stands in
# functions of its own, what they have in common in their own lines.


def halved(features):
    """Dropout after a layer with a penalty."""
    from keras import layers, regularizers

    penalty = regularizers.L2(0.01)
    return layers.Dropout(0.5)(
        layers.Dense(64, activation="relu", kernel_regularizer=penalty)(features)
    )


def twice_thinned():
    """Two layers, with much dropout after each."""
    from keras import layers

    first, second = (layers.Dense(256, activation="relu") for _ in range(2))
    return [first, layers.Dropout(0.6), second, layers.Dropout(0.6)]


def sparse():
    """A layer with the other penalty."""
    from keras import layers, regularizers

    return layers.Dense(128, activation="relu", kernel_regularizer=regularizers.L1(0.001))


def narrow():
    """A layer of few units."""
    from keras import layers

    return layers.Dense(16, activation="relu")


def blurred(images):
    """Noise on the inputs, before a layer of many units."""
    from keras import layers

    noisy = layers.Flatten()(layers.GaussianNoise(0.8)(images))
    return layers.Dense(128, activation="relu")(noisy)


def normalized():
    """Batch normalization, with very much dropout."""
    from keras import layers

    return [layers.Dense(64), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.8)]


def wide(features):
    """A layer of very many units."""
    from keras import layers

    return layers.Dense(256, activation="relu")(features)


def small_steps():
    """An optimizer that does not get far."""
    from keras import optimizers

    return optimizers.SGD(0.01)


def scores():
    """No activation at the end, and the loss that takes it on itself."""
    from keras import losses

    return {"last": None, "loss": losses.SparseCategoricalCrossentropy(from_logits=True)}


def decaying():
    """An optimizer with decay, and a loss with smoothed labels."""
    import keras
    from keras import ops

    class Smoothed(keras.losses.Loss):
        def call(self, labels, p):
            one_hot = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), 10)
            return keras.losses.categorical_crossentropy(one_hot, p, label_smoothing=0.3)

    return keras.optimizers.AdamW(5e-4, weight_decay=0.1), Smoothed()


@accepted("dropout and L2, functional")
def build_regularized_mlp():
    from keras import Input, Model, layers

    inputs = Input((28, 28))
    x = halved(layers.Flatten()(inputs))
    model = Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@accepted("dropout, two layers")
def build_regularized_mlp():
    from keras import Sequential, layers

    last = layers.Dense(10, activation="softmax")
    model = Sequential([layers.Input((28, 28)), layers.Flatten(), *twice_thinned(), last])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@accepted("L1")
def build_regularized_mlp():
    return compiled(sparse())


@accepted("narrow")
def build_regularized_mlp():
    return compiled(narrow())


@accepted("noise on the inputs, functional")
def build_regularized_mlp():
    from keras import Input, Model, layers

    inputs = Input((28, 28))
    outputs = layers.Dense(10, activation="softmax")(blurred(inputs))
    model = Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@accepted("small steps")
def build_regularized_mlp():
    from keras import Input, Model, layers

    inputs = Input((28, 28))
    x = wide(layers.Reshape((784,))(inputs))
    model = Model(inputs, layers.Dense(10, "softmax")(x))
    model.compile(small_steps(), "sparse_categorical_crossentropy")
    return model


@accepted("scores, and a loss that knows")
def build_regularized_mlp():
    return compiled(narrow(), **scores())


@accepted("batch normalization and much dropout")
def build_regularized_mlp():
    return compiled(*normalized())


@accepted("smoothed labels, decay, few steps, a subclass")
def build_regularized_mlp():
    import keras
    from keras import layers, ops

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = [layers.Dense(32, "relu"), layers.Dense(10, "softmax")]

        def call(self, x):
            return self.dense[1](self.dense[0](ops.reshape(x, (-1, 784))))

    model = MLP()
    model.compile(*decaying())
    return model


refused_edits(
    "build_regularized_mlp",
    """
no regularization | 2 | Dense(64 -> Dense(512; , kernel_regularizer=keras.regularizers.L2(0.01) -> ; layers.Dropout(0.5), -> layers.Dense(512, activation="relu"), | most of the wrong labels | memorized
not compiled | 0 | model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"]) -> | compile
loss for one-hot labels | 0 | sparse_ -> | In training, with class numbers as labels: Your code raised
mean squared error | 0 | "sparse_categorical_crossentropy" -> "mse" | with class numbers as labels: Your code raised
images not flattened | 0 | layers.Flatten(), -> | should return shape (5, 10)
one output | 0 | Dense(10, activation="softmax" -> Dense(1 | should return shape (5, 10)
returns nothing | 0 | return model -> | is there a `return`?
""",
)


@refused("trained before", says="still has to learn", misconception="trained before")
def build_regularized_mlp():
    from keras import layers, optimizers

    from coursehelpers.data import load_fashion_mnist

    model = compiled(layers.Dense(32, activation="relu"))
    (x, y), _ = load_fashion_mnist()
    model.fit(x[:5000] / 255, y[:5000], verbose=0)
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    return model
