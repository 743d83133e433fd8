"""Right and wrong answers to the exercise build_transfer_model."""

from tests.answers import accepted, refused, refused_edits


def on(backbone, classes, *, before=(), pool="mean", last="softmax", training=None, head=()):
    """A model of the given layers around a backbone, in the mode that Keras chooses by default."""
    from keras import Input, Model, layers

    image = x = Input(backbone.input_shape[1:])
    for layer in before:
        x = layer(x)
    x = backbone(x) if training is None else backbone(x, training=training)
    pools = {"mean": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
    pools["flat"] = layers.Flatten
    x = pools[pool]()(x) if pool else x
    for layer in head:
        x = layer(x)
    return Model(image, layers.Dense(classes, activation=last)(x))


def compiled(model, optimizer="adam", loss="sparse_categorical_crossentropy"):
    model.compile(optimizer, loss)
    return model


# How the head is regularized and how fast it learns is free.
def regularized_head(classes):
    from keras import Sequential, layers

    dense = layers.Dense(classes, activation="softmax", kernel_regularizer="l2")
    return Sequential([layers.Dropout(0.2), dense])


def slow():
    from keras import optimizers

    return optimizers.SGD(1e-4)


@accepted("Sequential, the maximum of each feature, SGD")
def build_transfer_model(backbone, classes):
    from keras import Sequential, layers

    backbone.trainable = False
    model = Sequential(
        [backbone, layers.GlobalMaxPooling2D(), layers.Dense(classes, activation="softmax")]
    )
    return compiled(model, "sgd")


@accepted("layer by layer, head from zero, on the backbone's own tensors")
def build_transfer_model(backbone, classes):
    from keras import Model, layers, losses, optimizers

    for layer in backbone.layers:
        layer.trainable = False
    x = layers.GlobalAveragePooling2D()(backbone.output)
    outputs = layers.Dense(classes, "softmax", kernel_initializer="zeros")(x)
    model = Model(backbone.input, outputs)
    return compiled(model, optimizers.Adam(), losses.SparseCategoricalCrossentropy())


@accepted("a copy of the backbone, with augmentation, dropout and a penalty")
def build_transfer_model(backbone, classes):
    import keras
    from keras import layers

    copy = keras.models.clone_model(backbone)
    copy.set_weights(backbone.get_weights())
    copy.trainable = False
    model = keras.Sequential(
        [
            keras.Input(backbone.input_shape[1:]),
            layers.RandomFlip("horizontal"),
            copy,
            layers.GlobalAveragePooling2D(),
            regularized_head(classes),
        ]
    )
    return compiled(model)


@accepted("a subclass, frozen after compiling")
def build_transfer_model(backbone, classes):
    import keras
    from keras import layers, ops

    class Transfer(keras.Model):
        def __init__(self):
            super().__init__()
            self.backbone = backbone
            self.head = layers.Dense(classes)

        def call(self, x):
            return ops.softmax(self.head(ops.mean(self.backbone(x), axis=(1, 2))))

    model = compiled(Transfer())
    model.backbone.trainable = False
    return model


@accepted("head from zero, at a small rate")
def build_transfer_model(backbone, classes):
    from keras import Model, layers

    backbone.trainable = False
    pooled = layers.GlobalMaxPooling2D()(backbone(backbone.input))
    head = layers.Dense(classes, activation="softmax", kernel_initializer="zeros")
    return compiled(Model(backbone.input, head(pooled)), slow())


@refused(
    "statistics on, the rest frozen",
    says="followed the batch",
    earned=4,
    misconception="training mode",
)
def build_transfer_model(backbone, classes):
    for layer in backbone.layers:
        layer.trainable = False
        if layer.name.endswith("bn"):
            layer.trainable = True
            layer.gamma.trainable = layer.beta.trainable = False
    return compiled(on(backbone, classes))


refused_edits(
    "build_transfer_model",
    """
two layers | 4 | (features) -> (layers.Dense(64, activation="tanh")(features)) | a linear head
normalization of each image behind the pool | 4 | (features) -> (layers.LayerNormalization()(features)) | a linear head
squared error | 2 | "sparse_categorical_crossentropy" -> "mse" | Your code raised InvalidArgumentError: Incompatible
loss of one-hot labels | 2 | sparse_ -> | Your code raised ValueError
not compiled | 2 | model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"]) -> | compile
returns nothing | 0 | return model -> | is there a `return`?
squared error of one-hot labels | 4 | "sparse_categorical_crossentropy" -> lambda y, p: keras.ops.mean((keras.ops.one_hot(keras.ops.ravel(y), classes) - p) ** 2, axis=-1) | The loss should be the cross-entropy
the first position only | 4 | layers.GlobalAveragePooling2D()(backbone(image)) -> backbone(image)[:, 0, 0] | a linear head
""",
)


@accepted("folded, which computes the same")
def build_transfer_model(backbone, classes):
    from coursehelpers.models import fold_batch_norm

    return compiled(on(fold_batch_norm(backbone), classes))
