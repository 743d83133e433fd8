"""Right and wrong answers to the exercise build_smaller_mlp."""

from tests.answers import accepted, refused, refused_edits


def sequential(*layers):
    import keras

    return keras.Sequential([keras.layers.Input((28, 28)), *layers])


def hidden(kind):
    """Layers that may stand between the image and the scores: of these much is free."""
    from keras import layers

    flatten, dense = layers.Flatten, layers.Dense
    kinds = {
        "relu": lambda: [flatten(), dense(32, activation="relu")],
        "elu": lambda: [flatten(), dense(20, activation="elu")],
        "tanh": lambda: [flatten(), dense(32, activation="tanh")],
        "rescaled": lambda: [layers.Rescaling(1 / 255), flatten(), dense(32, activation="tanh")],
        "two": lambda: [dense(8, activation="sigmoid"), flatten(), dense(32, activation="sigmoid")],
        "normalized": lambda: [
            flatten(),
            dense(60, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
        ],
        "convolution": lambda: [
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            flatten(),
        ],
        "large": lambda: [flatten(), dense(62, activation="relu")],
        "parametric": lambda: [flatten(), dense(30, use_bias=False), layers.PReLU()],
        "regularized": lambda: [
            layers.Reshape((784,)),
            dense(48, activation="gelu", kernel_regularizer="l2"),
            layers.Dropout(0.5),
            dense(16, activation="gelu", kernel_regularizer="l2"),
            layers.Dropout(0.5),
        ],
        "softmax": lambda: [flatten(), dense(24, activation="softmax")],
    }
    return kinds[kind]()


@accepted("Sequential")
def build_smaller_mlp():
    import keras
    from keras import layers

    return keras.Sequential(
        [keras.Input((28, 28)), *hidden("relu"), layers.Dense(10, activation="softmax")]
    )


@accepted("functional, with dropout and an L2 penalty")
def build_smaller_mlp():
    import keras
    from keras import layers

    inputs = x = keras.Input((28, 28))
    for layer in hidden("regularized"):
        x = layer(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


@accepted("subclass that has no weights before its first call")
def build_smaller_mlp():
    import keras

    class Smaller(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.Sequential(hidden("elu"))
            self.classes = keras.layers.Dense(10)

        def call(self, images):
            return keras.ops.softmax(self.classes(self.hidden(images)))

    return Smaller()


@accepted("Sequential without an input shape")
def build_smaller_mlp():
    import keras
    from keras import layers

    return keras.Sequential([*hidden("relu"), layers.Dense(10), layers.Softmax()])


@accepted("tanh of inputs rescaled from 255")
def build_smaller_mlp():
    from keras.layers import Dense

    return sequential(*hidden("rescaled"), Dense(10, activation="softmax"))


@accepted("tanh")
def build_smaller_mlp():
    from keras.layers import Dense

    return sequential(*hidden("tanh"), Dense(10, activation="softmax"))


@accepted("two layers of sigmoid units, flattened late")
def build_smaller_mlp():
    from keras.layers import Dense

    return sequential(*hidden("two"), Dense(10, activation="softmax"))


@accepted("batch normalization before the activation")
def build_smaller_mlp():
    from keras.layers import Dense

    return sequential(*hidden("normalized"), Dense(10, activation="softmax"))


@accepted("small convolutional network")
def build_smaller_mlp():
    from keras.layers import Dense

    return sequential(*hidden("convolution"), Dense(10, activation="softmax"))


@accepted("close to the limit")
def build_smaller_mlp():
    from keras.layers import Dense

    return sequential(*hidden("large"), Dense(10, activation="softmax"))


@accepted("an activation with parameters, no biases")
def build_smaller_mlp():
    from keras.layers import Dense, Softmax

    return sequential(*hidden("parametric"), Dense(10, use_bias=False), Softmax())


@accepted("a model inside of a model, labels weighed by a hidden softmax")
def build_smaller_mlp():
    import keras
    from keras.layers import Dense

    features = sequential(*hidden("softmax"))
    inputs = keras.Input((28, 28))
    return keras.Model(inputs, Dense(10, activation="softmax")(features(inputs)))


@refused("for a batch of five alone", says="Your code raised")
def build_smaller_mlp():
    import keras

    class Smaller(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(20, activation="relu")
            self.classes = keras.layers.Dense(10, activation="softmax")

        def call(self, images):
            return self.classes(self.hidden(keras.ops.reshape(images, (5, 784))))

    return Smaller()


refused_edits(
    "build_smaller_mlp",
    """
relu outputs | 2 | "softmax" -> "relu" | should return probabilities, which add up to 1
as large as the reference | 2 | layers.Dense(32, activation="relu"), -> layers.Dense(512, activation="relu"), layers.Dense(512, activation="relu"), | has 669,706 parameters, over 50,000
large, without an input shape | 2 | layers.Input((28, 28)), -> ; 32 -> 512 | has 407,050 parameters, over 50,000
one unit too many | 2 | 32 -> 63 | has 50,095 parameters, over 50,000
expects flat vectors | 0 | Input((28, 28)) -> Input((784,)) | (None, 784)
forgot to return | 0 | return keras -> keras | is there a `return`?
returns the layers | 0 | return [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")] | The value holds an object of type Flatten
returns the number of parameters | 0 | return 25_450 | should return a Keras model
softmax over the images | 0 | 10, activation="softmax"), -> 10), layers.Softmax(axis=0), | other images of its batch
returns the outputs | 0 | return layers.Dense(10)(layers.Flatten()(layers.Input((28, 28)))) | keras.Model makes a model of an input and
""",
)
