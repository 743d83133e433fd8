"""Right and wrong answers to the exercise build_cat_augmenter."""

from tests.answers import accepted, refused, refused_edits


def stack(*layers):
    import keras

    return keras.Sequential([keras.layers.Input((32, 32, 3)), *layers])


# How much of what is changed, and in what order, is free, and so it stands here.
OWN = {"flip": True, "shift": 0.1, "brightness": 0.1, "noise": 0.03}
MAGNITUDE = 5


def geometry():
    from keras import layers

    turn = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.03, fill_mode="nearest")]
    shift = layers.RandomTranslation(0.1, 0.1, fill_mode="constant")
    return [*turn, layers.RandomZoom(0.1), shift]


def colours(value_range, *, after=()):
    from keras import layers

    contrast = layers.RandomContrast(0.3, value_range=value_range)
    return [*after, layers.RandomBrightness(0.15, value_range=value_range), contrast]


def erasing():
    from keras import layers

    saturation = layers.RandomSaturation((0.3, 0.6), value_range=(0, 1))
    return [layers.RandomErasing(value_range=(0, 1)), saturation, layers.RandomFlip()]


def turned_colours():
    from keras import layers

    jitter = layers.RandomColorJitter((0, 1), 0.1, 0.2, (0.4, 0.6), 0.1)
    return [layers.RandomFlip("horizontal"), jitter]


def mirrored(x):
    """One for a third of the images, zero for the others."""
    from keras import ops, random

    return ops.cast(random.uniform((ops.shape(x)[0], 1, 1, 1)) < 0.34, x.dtype)


@accepted("geometry and colour")
def build_cat_augmenter():
    return stack(*colours((0, 1), after=geometry()))


@accepted("the course's own")
def build_cat_augmenter():
    from coursehelpers.augment import build_augmenter

    return stack(build_augmenter(**OWN))


@accepted("colour only")
def build_cat_augmenter():
    return stack(*colours(value_range=(0, 1)))


@accepted("subclass, seeded")
def build_cat_augmenter():
    import keras
    from keras import layers

    class Augmenter(keras.Model):
        def __init__(self):
            super().__init__()
            self.flip, self.zoom = layers.RandomFlip("horizontal", seed=0), layers.RandomZoom(0.2)

        def call(self, x, training=None):
            return self.zoom(self.flip(x, training=training), training=training)

    return Augmenter()


@accepted("in another range and back, pipeline")
def build_cat_augmenter():
    from keras import layers

    both = layers.Pipeline(colours((-1, 1)))
    return stack(layers.Rescaling(2, -1), both, layers.Rescaling(0.5, 0.5))


@accepted("RandAugment")
def build_cat_augmenter():
    from coursehelpers.augment import build_augmenter

    return stack(build_augmenter(randaugment=MAGNITUDE))


@accepted("erasing, some with less colour")
def build_cat_augmenter():
    return stack(*erasing())


@accepted("a third of them mirrored, by a layer of its own")
def build_cat_augmenter():
    import keras

    class Mirror(keras.Layer):
        def call(self, x, training=False):
            if not training:
                return x
            return x + mirrored(x) * (keras.ops.flip(x, axis=2) - x)

    return stack(Mirror())


@accepted("colours turned a little")
def build_cat_augmenter():
    return stack(*turned_colours())


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


@refused("mirrored once and for all", says="draw anew", earned=3, misconception="same for all")
def build_cat_augmenter():
    import keras

    class Mirror(keras.Layer):
        def call(self, x, training=False):
            return x[:, :, ::-1] if training else x

    return stack(Mirror())


@refused("buried in noise", says="hardly anything is left", earned=3, misconception="wiped out")
def build_cat_augmenter():
    from coursehelpers.augment import build_augmenter

    return stack(build_augmenter(noise=0.8))


def in_training(transform):
    """A model of one layer that transforms a batch in training."""
    import keras

    class Layer(keras.Layer):
        def call(self, x, training=False):
            return transform(x) if training else x

    return stack(Layer())


@refused("now and then", says="Fewer than a third", earned=3)
def build_cat_augmenter():
    from keras import ops, random

    return in_training(
        lambda x: ops.where(random.uniform((len(x), 1, 1, 1)) < 0.1, x[:, :, ::-1], x)
    )


@refused("shuffled photos", says="another one of the batch", earned=3, misconception="photos mixed")
def build_cat_augmenter():
    from keras import random

    return in_training(random.shuffle)


@refused(
    "columns shuffled alike",
    says="one photo in a batch",
    earned=3,
    misconception="one for the batch",
)
def build_cat_augmenter():
    from keras import random

    return in_training(lambda x: random.shuffle(x, axis=2))


@refused("no numbers", says="no numbers")
def build_cat_augmenter():
    return in_training(lambda x: x / 0 * 0)


refused_edits(
    "build_cat_augmenter",
    """
nothing | 0 | return keras -> keras | is there a `return`?
a classifier | 0 | (0, 1)), -> (0, 1)), layers.Flatten(), layers.Dense(1), | photos of shape (64, 32, 32, 3) | other shape
padded only in use | 0 | layers.RandomFlip("horizontal"), -> layers.ZeroPadding2D(4), layers.RandomCrop(32, 32), | With training=False: | other shape
a layer, not a model | 0 | return layers.RandomFlip("horizontal") | an object of type RandomFlip
a list of layers | 0 | return [layers.RandomFlip("horizontal"), layers.RandomZoom(0.1)] | cannot be read
mixed in training | 3 | layers.RandomFlip("horizontal") -> layers.MixUp(0.4) | mixed with it | photos mixed
a third of them grey | 3 | layers.RandomFlip("horizontal") -> layers.RandomGrayscale(factor=0.35) | colours are gone | grey
brightened by nothing | 0 | return keras.Sequential([layers.Input((32, 32, 3)), layers.RandomBrightness(0.008, value_range=(0, 1))]) | nobody would see it | too weak
half of them without colour | 3 | Flip("horizontal") -> Saturation(0.5, value_range=(0, 1)) | colours are gone | grey
""",
)


@refused(
    "one coin for all", says="one photo in a batch", earned=3, misconception="one for the batch"
)
def build_cat_augmenter():
    from keras import ops, random

    return in_training(lambda x: ops.where(random.uniform(()) < 0.5, x[:, :, ::-1], x))


@refused(
    "one shift for all", says="one photo in a batch", earned=3, misconception="one for the batch"
)
def build_cat_augmenter():
    from keras import ops, random

    return in_training(lambda x: ops.roll(x, random.randint((), -4, 5), axis=2))


@refused(
    "one brightness for all, and a flip of its own for each",
    says="one photo in a batch",
    earned=3,
    misconception="one for the batch",
)
def build_cat_augmenter():
    import keras
    from keras import layers, ops, random

    brighter = in_training(lambda x: ops.clip(x + random.uniform((), -0.3, 0.3), 0, 1))
    return keras.Sequential([layers.Input((32, 32, 3)), layers.RandomFlip("horizontal"), brighter])
