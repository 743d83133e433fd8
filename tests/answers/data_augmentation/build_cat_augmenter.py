"""Right and wrong answers to the exercise build_cat_augmenter."""

from tests.answers import accepted, refused


def stack(*layers):
    import keras

    return keras.Sequential([keras.layers.Input((32, 32, 3)), *layers])


@accepted("flip")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.RandomFlip("horizontal"))


@accepted("geometry and colour")
def build_cat_augmenter():
    from keras import layers

    return stack(
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.03, fill_mode="nearest"),
        layers.RandomZoom(0.1),
        layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        layers.RandomBrightness(0.1, value_range=(0, 1)),
        layers.RandomContrast(0.3, value_range=(0, 1)),
    )


@accepted("crop and resize, functional")
def build_cat_augmenter():
    from keras import Input, Model, layers

    class Crop(layers.Layer):
        def __init__(self):
            super().__init__()
            self.crop, self.resize = layers.RandomCrop(28, 28), layers.Resizing(32, 32)

        def call(self, x, training=False):
            return self.resize(self.crop(x, training=True)) if training else x

    inputs = Input((32, 32, 3))
    return Model(inputs, Crop()(inputs))


@accepted("the course's own")
def build_cat_augmenter():
    from coursehelpers.augment import build_augmenter

    return stack(build_augmenter(flip=True, shift=0.1, brightness=0.1, noise=0.03))


@accepted("colour only")
def build_cat_augmenter():
    from keras import layers

    return stack(
        layers.RandomBrightness(0.15, value_range=(0, 1)),
        layers.RandomContrast(0.3, value_range=(0, 1)),
    )


@refused("nothing in it", says="come back unchanged", misconception="nothing changes")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.Activation("linear"))


@refused("active in use", says="as they went in", earned=3, misconception="changes in use")
def build_cat_augmenter():
    from keras import layers

    class AlwaysOn(layers.Layer):
        def __init__(self):
            super().__init__()
            self.flip = layers.RandomFlip("horizontal")

        def call(self, x):
            return self.flip(x, training=True)

    return stack(AlwaysOn())


@refused("range of 0 to 255", says="see value_range", earned=3, misconception="other range")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.RandomFlip("horizontal"), layers.RandomContrast(0.9))


@refused("rescaled", says="as they went in", earned=2, misconception="changes in use")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.RandomFlip("horizontal"), layers.Rescaling(2.0))


@refused("cropped", says="another shape", misconception="other shape")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.RandomCrop(28, 28))


@refused("mirrored once and for all", says="draw anew", earned=3, misconception="same for all")
def build_cat_augmenter():
    import keras

    class Mirror(keras.Layer):
        def call(self, x, training=False):
            return x[:, :, ::-1] if training else x

    return stack(Mirror())


@refused("shifted out", says="hardly anything is left", earned=3, misconception="wiped out")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.RandomTranslation(0.95, 0.95, fill_mode="constant"))


@refused("all black and white", says="hardly anything is left", earned=3, misconception="wiped out")
def build_cat_augmenter():
    from keras import layers

    return stack(layers.RandomBrightness(1.0, value_range=(0, 1)))


@refused("buried in noise", says="hardly anything is left", earned=3, misconception="wiped out")
def build_cat_augmenter():
    from coursehelpers.augment import build_augmenter

    return stack(build_augmenter(noise=0.8))


@refused("grey", says="colours are gone", earned=3, misconception="grey")
def build_cat_augmenter():
    from keras import layers

    class Grey(layers.Layer):
        def call(self, x, training=False):
            return x.mean(axis=-1, keepdims=True) + 0 * x if training else x

    import keras

    class GreyFlip(keras.Layer):
        def __init__(self):
            super().__init__()
            self.flip = layers.RandomFlip("horizontal")

        def call(self, x, training=False):
            if not training:
                return x
            grey = keras.ops.mean(self.flip(x, training=True), axis=-1, keepdims=True)
            return keras.ops.repeat(grey, 3, axis=-1)

    return stack(GreyFlip())


@refused("nothing", says="is there a `return`?")
def build_cat_augmenter():
    pass
