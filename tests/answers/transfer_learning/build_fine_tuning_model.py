"""Right and wrong answers to the exercise build_fine_tuning_model."""

from tests.answers import accepted, refused, refused_edits
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


@accepted("head from zero")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from keras import Model, layers

    unfreeze(backbone)
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    head = layers.Dense(classes, activation="softmax", kernel_initializer="zeros")
    return compiled(Model(backbone.input, head(pooled)), learning_rate)


refused_edits(
    "build_fine_tuning_model",
    """
twice the rate | 3 | (learning_rate) -> (2 * learning_rate) | In the first step Adam
a tenth of the rate | 3 | (learning_rate) -> (learning_rate / 10) | In the first step Adam
plain gradient descent | 3 | Adam -> SGD | In the first step Adam
no softmax | 0 | , activation="softmax" -> | should return probabilities
two layers | 0 | (features) -> (layers.Dense(64, activation="tanh")(features)) | a linear head
not compiled | 0 | model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy") -> | compile
returns nothing | 0 | return model -> | is there a `return`?
two layers from zero | 0 | (features) -> (layers.Dense(64)(features)); "softmax" -> "softmax", kernel_initializer="zeros" | what stands before it | more than a head
""",
)


@accepted("normalization folded into the convolutions")
def build_fine_tuning_model(backbone, classes, learning_rate):
    from coursehelpers.models import fold_batch_norm

    folded = fold_batch_norm(backbone)
    folded.trainable = True
    return compiled(on(folded, classes), learning_rate)


@refused(
    "folded, and frozen as it comes", says="is it still", earned=3, misconception="still frozen"
)
def build_fine_tuning_model(backbone, classes, learning_rate):
    from coursehelpers.models import fold_batch_norm

    return compiled(on(fold_batch_norm(backbone), classes), learning_rate)
