"""Right and wrong answers to the exercise build_fine_tuning_model."""

from tests.answers import accepted, refused
from tests.answers.transfer_learning.build_transfer_model import on


def unfreeze(backbone):
    """Let all of a backbone learn but its batch normalization."""
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = not layer.name.endswith("bn")


DECAY_STEPS = 100  # few enough to be a schedule, and of no weight in the first step


def compiled(model, learning_rate):
    from keras import optimizers

    model.compile(optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    return model


@accepted("normalization frozen")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return compiled(on(backbone, classes), learning_rate)


@accepted("by kind of layer, the maximum of each feature, Sequential, a schedule")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import Sequential, layers, optimizers

    for layer in backbone.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    schedule = optimizers.schedules.CosineDecay(learning_rate, DECAY_STEPS)
    head = [layers.GlobalMaxPooling2D(), layers.Dense(classes, activation="softmax")]
    return compiled(Sequential([backbone, *head]), schedule)


@accepted("a subclass that calls it in inference mode")
def build_fine_tuning_model(backbone, classes, learning_rate):
    import keras

    backbone.trainable = True

    class FineTuned(keras.Model):
        def __init__(self):
            super().__init__()
            self.backbone = backbone
            self.pool = keras.layers.GlobalAveragePooling2D()
            self.head = keras.layers.Dense(classes, activation="softmax")

        def call(self, x):
            return self.head(self.pool(self.backbone(x, training=False)))

    return compiled(FineTuned(), learning_rate)


@accepted("the function of the course")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from coursehelpers.models import freeze

    freeze(backbone, keep_last=5)
    return compiled(on(backbone, classes), learning_rate)


@accepted("a copy with its weights, AdamW")
def build_fine_tuning_model(backbone, classes, learning_rate):
    import keras

    copy = keras.models.clone_model(backbone)
    copy.set_weights(backbone.get_weights())
    unfreeze(copy)
    model = on(copy, classes)
    model.compile(keras.optimizers.AdamW(learning_rate), "sparse_categorical_crossentropy")
    return model


# Within a functional model Keras 3 overrides this mode (keras-team/keras#20285).
@refused(
    "called with training=False",
    says="in training mode",
    earned=2,
    misconception="statistics moved",
)
def build_fine_tuning_model(backbone, classes, learning_rate):
    backbone.trainable = True
    return compiled(on(backbone, classes, training=False), learning_rate)


@refused("all of it", says="in training mode", earned=2, misconception="statistics moved")
def build_fine_tuning_model(backbone, classes, learning_rate):
    backbone.trainable = True
    return compiled(on(backbone, classes), learning_rate)


@refused("frozen too early", says="depend on the other", earned=2, misconception="statistics moved")
def build_fine_tuning_model(backbone, classes, learning_rate):
    for layer in backbone.layers:
        if layer.name.endswith("bn"):
            layer.trainable = False
    backbone.trainable = True
    return compiled(on(backbone, classes), learning_rate)


@refused(
    "statistics held only",
    says="depend on the other",
    earned=3,
    misconception="depends on the batch",
)
def build_fine_tuning_model(backbone, classes, learning_rate):
    backbone.trainable = True
    for layer in backbone.layers:
        if layer.name.endswith("bn"):
            layer.momentum = 1.0
    return compiled(on(backbone, classes), learning_rate)


@refused(
    "scale and shift frozen only",
    says="in training mode",
    earned=2,
    misconception="statistics moved",
)
def build_fine_tuning_model(backbone, classes, learning_rate):
    backbone.trainable = True
    for layer in backbone.layers:
        if layer.name.endswith("bn"):
            layer.gamma.trainable = layer.beta.trainable = False
    return compiled(on(backbone, classes), learning_rate)


@refused("frozen", says="is it still frozen", earned=3, misconception="still frozen")
def build_fine_tuning_model(backbone, classes, learning_rate):
    return compiled(on(backbone, classes), learning_rate)


@refused("the last block only", says="Some blocks", earned=3, misconception="part frozen")
def build_fine_tuning_model(backbone, classes, learning_rate):
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name == "block4_conv"
    return compiled(on(backbone, classes), learning_rate)


@refused("everything frozen", says="is it still frozen", earned=2, misconception="still frozen")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    model = on(backbone, classes)
    model.trainable = False
    return compiled(model, learning_rate)


@refused("head frozen", says="new layers did not move", earned=3, misconception="head frozen")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    model = on(backbone, classes)
    model.layers[-1].trainable = False
    return compiled(model, learning_rate)


@refused("learning rate of Keras", says="is it used", earned=3, misconception="rate ignored")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    model = on(backbone, classes)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@refused("twice the rate", says="In the first step Adam", earned=3)
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return compiled(on(backbone, classes), 2 * learning_rate)


@refused("a copy without weights", says="copy its weights", misconception="fresh weights")
def build_fine_tuning_model(backbone, classes, learning_rate):
    import keras

    copy = keras.models.clone_model(backbone)
    unfreeze(copy)
    return compiled(on(copy, classes), learning_rate)


@refused("dropout", says="add nothing random", misconception="random")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import layers

    unfreeze(backbone)
    return compiled(on(backbone, classes, head=[layers.Dropout(0.5)]), learning_rate)


@refused("no softmax", says="should be probabilities")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return compiled(on(backbone, classes, last=None), learning_rate)


@refused("no head", says="where is the head", misconception="no head")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return backbone


@refused("not compiled", says="compile")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return on(backbone, classes)


@refused("returns nothing", says="is there a `return`?")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)


@refused("flattened", says="pool it instead", misconception="flattened")
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return compiled(on(backbone, classes, pool="flat"), learning_rate)


@refused("scaled before", says="scales them itself", misconception="scaled twice")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import layers

    unfreeze(backbone)
    return compiled(on(backbone, classes, before=[layers.Rescaling(1 / 255)]), learning_rate)


@refused("two layers", says="a linear head")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import layers

    unfreeze(backbone)
    # By chance few units of ReLU switch among these images, and then two layers are as one.
    head = [layers.Dense(64, activation="tanh")]
    return compiled(on(backbone, classes, head=head), learning_rate)


@refused("plain gradient descent", says="In the first step Adam", earned=3)
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import optimizers

    unfreeze(backbone)
    model = on(backbone, classes)
    model.compile(optimizers.SGD(learning_rate), "sparse_categorical_crossentropy")
    return model


@refused("a tenth for the backbone", says="In the first step Adam", earned=3)
def build_fine_tuning_model(backbone, classes, learning_rate):
    unfreeze(backbone)
    return compiled(on(backbone, classes), learning_rate / 10)


@refused(
    "normalization frozen by its name",
    says="in training mode",
    earned=2,
    misconception="statistics moved",
)
def build_fine_tuning_model(backbone, classes, learning_rate):
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name != "batch_normalization"
    return compiled(on(backbone, classes), learning_rate)


@accepted("head from zero")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import Model, layers

    unfreeze(backbone)
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    head = layers.Dense(classes, activation="softmax", kernel_initializer="zeros")
    return compiled(Model(backbone.input, head(pooled)), learning_rate)
