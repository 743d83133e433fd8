"""Right and wrong answers to the exercise build_noisy_mlp."""

from tests.answers import accepted, refused, refused_edits


def stack(*start, end=(), units=64):
    """Layers between an 8 x 8 image and ten probabilities."""
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((8, 8)),
            *start,
            layers.Dense(units, activation="relu"),
            layers.Dense(10, activation="softmax"),
            *end,
        ]
    )


# The noise may stand on either side of flattening.
def late(noise, **options):
    from keras import layers

    return stack(noise, layers.Flatten(), **options)


def wide():
    from keras import layers

    hidden = layers.Dense(128, activation="relu", kernel_initializer="he_normal")
    return [layers.Flatten(), hidden, layers.LayerNormalization()]


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@accepted("noise before flattening, compiled")
def build_noisy_mlp(std):
    from keras import layers

    return compiled(late(layers.GaussianNoise(std), units=100))


@accepted("a layer of its own")
def build_noisy_mlp(std):
    import keras

    class Noise(keras.Layer):
        def call(self, x, training=None):
            return keras.random.normal(keras.ops.shape(x), 0, std) + x if training else x

    return late(Noise())


@accepted("functional, no hidden layer")
def build_noisy_mlp(std):
    from keras import Input, Model, layers

    inputs = Input((8, 8))
    x = layers.Flatten()(layers.GaussianNoise(std)(inputs))
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


@accepted("in a subclass, linear")
def build_noisy_mlp(std):
    import keras
    from keras import layers

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = layers.Flatten()
            self.noise = layers.GaussianNoise(std)
            self.hidden = layers.Dense(64)
            self.out = layers.Dense(10, "softmax")

        def call(self, x, training=None):
            return self.out(self.hidden(self.noise(self.flatten(x), training=training)))

    return MLP()


@accepted("the course's augmenter, three layers, seeded")
def build_noisy_mlp(std):
    from keras import layers

    from coursehelpers.augment import build_augmenter

    return stack(
        layers.Reshape((8, 8, 1)),
        build_augmenter(noise=std, seed=0),
        *wide(),
    )


@accepted("noise from two layers that add up to it")
def build_noisy_mlp(std):
    from keras import layers

    half = std / 2**0.5
    return stack(layers.GaussianNoise(half), layers.Flatten(), layers.GaussianNoise(half))


@accepted("a subclass that draws and clips itself")
def build_noisy_mlp(std):
    import keras

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([keras.layers.Dense(32, "relu"), keras.layers.Dense(10)])

        def call(self, x, training=False):
            x = keras.ops.reshape(x, (-1, 64))
            if training:
                x = keras.ops.clip(keras.random.normal(keras.ops.shape(x), 0, std) + x, 0, 1)
            return keras.ops.softmax(self.inner(x))

    return MLP()


@refused("on in use", says="let Keras set the mode", earned=1, misconception="active in use")
def build_noisy_mlp(std):
    import keras

    class AlwaysOn(keras.Layer):
        def call(self, x):
            return x + std * keras.random.normal(keras.ops.shape(x))

    return stack(AlwaysOn(), keras.layers.Flatten())


def noisy(draw):
    """A layer that adds what `draw` makes of a batch, in training."""
    import keras

    class Noise(keras.Layer):
        def call(self, x, training=False):
            return x + draw(x) if training else x

    return Noise()


def normal(shape):
    import keras

    return keras.random.normal(shape)


@refused("a draw for each column", says="where does it act", earned=2, misconception="other noise")
def build_noisy_mlp(std):
    from keras import layers

    return stack(noisy(lambda x: std * normal((len(x), 1, 8))), layers.Flatten())


@refused("shifted", says="where does it act", earned=2, misconception="other noise")
def build_noisy_mlp(std):
    from keras import layers

    return stack(noisy(lambda x: 10 * std + std * normal((len(x), 8, 8))), layers.Flatten())


@refused("multiplied", says="where does it act", earned=2, misconception="other noise")
def build_noisy_mlp(std):
    from keras import layers

    return stack(noisy(lambda x: x * std * normal((len(x), 8, 8))), layers.Flatten())


@refused("one draw for good", says="no noise", earned=2, misconception="no input noise")
def build_noisy_mlp(std):
    import numpy as np
    from keras import layers

    once = np.random.default_rng().normal(size=(8, 8)).astype("float32")
    return stack(noisy(lambda x: std * once), layers.Flatten())


@refused(
    "uniform noise up to std",
    says="as with noise of size std",
    earned=2,
    misconception="other noise",
)
def build_noisy_mlp(std):
    from keras import layers, random

    uniform = noisy(lambda x: random.uniform((len(x), 8, 8), -std, std))
    return stack(uniform, layers.Flatten())


@refused("shifted a little", says="mean should be 0", earned=2, misconception="shifted noise")
def build_noisy_mlp(std):
    from keras import Sequential, layers

    start = noisy(lambda x: std * (0.5 + normal((len(x), 8, 8))))
    head = layers.Dense(10, activation="softmax")
    return Sequential([layers.Input((8, 8)), start, layers.Flatten(), head])


@refused("the mode asked backwards", says="let Keras set", earned=1, misconception="active in use")
def build_noisy_mlp(std):
    import keras

    class Noise(keras.Layer):
        def call(self, x, training=False):
            return x if training else x + std * keras.random.normal(keras.ops.shape(x))

    return stack(Noise(), keras.layers.Flatten())


@refused(
    "always on in a model inside of a subclass",
    says="let Keras set the mode",
    earned=1,
    misconception="active in use",
)
def build_noisy_mlp(std):
    import keras
    from keras import layers

    image = keras.Input((8, 8))
    noisy = layers.GaussianNoise(std)(layers.Flatten()(image), training=True)

    class MLP(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Model(image, layers.Dense(10, activation="softmax")(noisy))

        def call(self, x):
            return self.inner(x)

    return MLP()


refused_edits(
    "build_noisy_mlp",
    """
no softmax | 0 | , activation="softmax" -> | should return probabilities
nothing | 0 | return keras -> keras | is there a `return`?
convolution | 2 | layers.Flatten(), -> layers.Reshape((8, 8, 1)),; (std), -> (std), layers.Conv2D(8, 3), layers.Flatten(), | dense layers
""",
)
