"""Right and wrong answers to the exercise build_transfer_model."""

from tests.answers import accepted, refused


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


@accepted("functional")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, classes))


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


@refused("only normalization frozen", says="kernels moved", earned=4, misconception="not frozen")
def build_transfer_model(backbone, classes):
    for layer in backbone.layers:
        layer.trainable = not layer.name.endswith("bn")
    return compiled(on(backbone, classes))


# Within a functional model Keras 3 overrides this mode (keras-team/keras#20285).
@refused("inference mode only", says="kernels moved", earned=3, misconception="not frozen")
def build_transfer_model(backbone, classes):
    return compiled(on(backbone, classes, training=False))


@refused("not frozen", says="kernels moved", earned=3, misconception="not frozen")
def build_transfer_model(backbone, classes):
    return compiled(on(backbone, classes))


@refused(
    "only convolutions frozen",
    says="batch normalization learned",
    earned=3,
    misconception="normalization not frozen",
)
def build_transfer_model(backbone, classes):
    for layer in backbone.layers:
        layer.trainable = "conv" not in layer.name
    return compiled(on(backbone, classes))


@refused("everything frozen", says="the head neither", earned=4, misconception="nothing learns")
def build_transfer_model(backbone, classes):
    model = on(backbone, classes, training=False)
    model.trainable = False
    return compiled(model)


@refused("a copy without weights", says="copied without", misconception="fresh weights")
def build_transfer_model(backbone, classes):
    import keras

    copy = keras.models.clone_model(backbone)
    copy.trainable = False
    return compiled(on(copy, classes))


@refused("the first blocks only", says="Only a part", misconception="part of it")
def build_transfer_model(backbone, classes):
    from keras import Model

    backbone.trainable = False
    return compiled(on(Model(backbone.input, backbone.get_layer("block2_relu").output), classes))


@refused("scaled before", says="scales them itself", earned=4, misconception="scaled twice")
def build_transfer_model(backbone, classes):
    from keras import layers

    backbone.trainable = False
    return compiled(on(backbone, classes, before=[layers.Rescaling(1 / 255)]))


@refused("scaled to -1..1", says="scales them itself", earned=4, misconception="scaled twice")
def build_transfer_model(backbone, classes):
    from keras import layers

    backbone.trainable = False
    return compiled(on(backbone, classes, before=[layers.Rescaling(1 / 127.5, offset=-1)]))


@refused("dead head", says="All images get the same", earned=4, misconception="same for all")
def build_transfer_model(backbone, classes):
    from keras import layers

    backbone.trainable = False
    return compiled(on(backbone, classes, head=[layers.Rescaling(0.0)]))


@refused("two layers", says="a linear head", earned=4)
def build_transfer_model(backbone, classes):
    from keras import layers

    backbone.trainable = False
    return compiled(on(backbone, classes, head=[layers.Dense(64, activation="tanh")]))


@refused("flattened", says="pool it instead", earned=1, misconception="flattened")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, classes, pool="flat"))


@refused("not pooled", says="every position", misconception="not pooled")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, classes, pool=None))


@refused("no head", says="where is the head", misconception="no head")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return backbone


@refused("two outputs", says="not as many as the classes", misconception="number of classes")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, 2))


@refused("no softmax", says="which activation", earned=4, misconception="logits, no softmax")
def build_transfer_model(backbone, classes):
    from keras import losses

    backbone.trainable = False
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return compiled(on(backbone, classes, last=None), loss=loss)


@refused("sigmoid", says="do not add up to 1", earned=4, misconception="sigmoid, not softmax")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, classes, last="sigmoid"))


@refused(
    "softmax in the loss too", says="applies softmax again", earned=4, misconception="softmax twice"
)
def build_transfer_model(backbone, classes):
    import keras

    def loss(y, p):
        return keras.losses.sparse_categorical_crossentropy(y, p + 0.0, from_logits=True)

    backbone.trainable = False
    return compiled(on(backbone, classes), loss=loss)


@refused("squared error", says="Your code raised InvalidArgumentError: Incompatible", earned=2)
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, classes), loss="mse")


@refused("squared error of one-hot labels", says="The loss should be the cross-entropy", earned=4)
def build_transfer_model(backbone, classes):
    from keras import ops

    def loss(y, p):
        labels = ops.one_hot(ops.reshape(ops.cast(y, "int32"), (-1,)), classes)
        return ops.mean((labels - p) ** 2, axis=-1)

    backbone.trainable = False
    return compiled(on(backbone, classes), loss=loss)


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


@refused("loss of one-hot labels", says="Your code raised ValueError", earned=2)
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return compiled(on(backbone, classes), loss="categorical_crossentropy")


@refused("not compiled", says="compile", earned=2)
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    return on(backbone, classes)


@refused("returns nothing", says="is there a `return`?")
def build_transfer_model(backbone, classes):
    compiled(on(backbone, classes))


@refused("summed", says="are summed over", earned=4, misconception="summed")
def build_transfer_model(backbone, classes):
    from keras import Model, layers, ops

    backbone.trainable = False
    small = "uniform"  # so that no score is too large for single precision
    head = layers.Dense(classes, activation="softmax", kernel_initializer=small)
    return compiled(Model(backbone.input, head(ops.sum(backbone.output, axis=(1, 2)))))


@refused(
    "dropout behind the softmax",
    says="after the softmax",
    earned=4,
    misconception="spoiled in training",
)
def build_transfer_model(backbone, classes):
    from keras import Sequential, layers

    backbone.trainable = False
    head = layers.Dense(classes, activation="softmax")
    pool = layers.GlobalAveragePooling2D()
    return compiled(Sequential([backbone, pool, head, layers.Dropout(0.2)]))


@refused("the first position only", says="a linear head", earned=4)
def build_transfer_model(backbone, classes):
    import keras

    class First(keras.Layer):
        def call(self, x):
            return x[:, 0, 0]

    backbone.trainable = False
    return compiled(on(backbone, classes, pool=None, head=[First()]))


@refused("unfrozen after compiling", says="kernels moved", earned=3, misconception="not frozen")
def build_transfer_model(backbone, classes):
    backbone.trainable = False
    model = compiled(on(backbone, classes))
    backbone.trainable = True
    return model


@refused("normalization behind the pool", says="a linear head", earned=4)
def build_transfer_model(backbone, classes):
    from keras import layers

    backbone.trainable = False
    return compiled(on(backbone, classes, head=[layers.LayerNormalization()]))
