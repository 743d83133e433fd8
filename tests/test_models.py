"""The networks that the lessons train, and backbones by name: their blocks, and folded."""

import re
import urllib.error
import urllib.request
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.augment import build_augmenter
from coursehelpers.models import (
    blocks,
    build_backbone,
    build_cnn,
    build_mlp,
    fold_batch_norm,
    freeze,
)
from tests.efficientnet_lite0_reference import photo

pytestmark = pytest.mark.heavy

SMALL = {"input_shape": (64, 64, 3), "pooling": "avg"}
# Keras stores variables through an interface of NumPy 1.
stores = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
# Building a model takes tens of milliseconds.
properties = settings(derandomize=True, deadline=None, max_examples=8)
units = st.lists(st.integers(1, 20), max_size=3)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
classes = st.integers(2, 12)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((7, 28, 28)).astype("float32")


@pytest.fixture
def photos():
    return np.random.default_rng(0).random((4, 32, 32, 3)).astype("float32")


def dense_layers(model):
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def weights_differ(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    # Biases start at zero, whatever the seed.
    return [not np.array_equal(a, b) for a, b in pairs if a.ndim > 1]


@properties
@given(hidden=units, input_shape=shapes, classes=classes)
def test_mlp_has_a_weight_per_pair_of_units_and_a_bias_per_unit(hidden, input_shape, classes):
    model = build_mlp(hidden, input_shape=input_shape, classes=classes)
    widths = [int(np.prod(input_shape)), *hidden, classes]
    expected = sum((before + 1) * after for before, after in pairwise(widths))
    assert model.count_params() == expected
    assert all(weight.trainable for weight in model.weights)
    assert model.input_shape == (None, *input_shape)
    assert model.output_shape == (None, classes)


@properties
@given(hidden=units, input_shape=shapes, classes=classes, seed=st.integers(0, 2**32 - 1))
def test_mlp_gives_a_probability_per_class(hidden, input_shape, classes, seed):
    model = build_mlp(hidden, input_shape=input_shape, classes=classes, seed=seed)
    x = np.random.default_rng(seed).random((3, *input_shape)).astype("float32")
    probabilities = np.asarray(model(x))
    assert probabilities.shape == (3, classes)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("hidden", [(), (6, 5)])
def test_mlp_computes_what_its_weights_say(images, hidden):
    model = build_mlp(hidden, activation="relu", seed=0)
    x = images.reshape(7, 784)
    for layer in dense_layers(model):
        kernel, bias = layer.get_weights()
        logits = x @ kernel + bias
        x = np.maximum(logits, 0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-4)


def test_activation_is_the_one_of_the_hidden_layers():
    layers = dense_layers(build_mlp((6, 5), activation="tanh"))
    assert [layer.activation.__name__ for layer in layers] == ["tanh", "tanh", "softmax"]


def test_mlp_is_compiled_with_adam_or_a_new_optimizer_of_its_own():
    import keras

    assert type(build_mlp((4,)).optimizer) is keras.optimizers.Adam
    sgd = partial(keras.optimizers.SGD, 0.05)
    first, second = (build_mlp((4,), optimizer=sgd).optimizer for _ in range(2))
    assert type(first) is keras.optimizers.SGD
    assert float(first.learning_rate) == pytest.approx(0.05)
    assert first is not second


@pytest.mark.parametrize(
    ("build", "option"),
    [(build_mlp, "optimizer"), (build_cnn, "optimizer"), (build_cnn, "augmenter")],
)
@pytest.mark.parametrize("kind", ["a name", "an object"])
def test_what_is_not_made_anew_is_refused(build, option, kind):
    import keras

    made = build_augmenter(flip=True) if option == "augmenter" else keras.optimizers.Adam()
    with pytest.raises(TypeError, match=f"{option} must be a function that returns a new {option}"):
        build((4,), **{option: "adam" if kind == "a name" else made})


# --- What regularizes -----------------------------------------------------------------------------


def test_dropout_follows_every_hidden_layer_and_noise_comes_first():
    model = build_mlp((6, 5), dropout=0.25, input_noise=0.5)
    kinds = [type(layer).__name__ for layer in model.layers]
    hidden = ["Dense", "Dropout"] * 2
    assert kinds == ["Flatten", "GaussianNoise", *hidden, "Dense"]
    assert [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"] == [0.25] * 2
    assert model.layers[1].stddev == 0.5


def test_activity_regularizer_is_on_the_hidden_layers_only():
    import keras

    penalty = keras.regularizers.L1(0.1)
    layers = dense_layers(build_mlp((6, 5), activity_regularizer=penalty))
    assert [layer.activity_regularizer is not None for layer in layers] == [True, True, False]


def test_smoothed_loss_is_that_of_keras_for_one_hot_labels(images):
    import keras

    labels = np.array([0, 1, 2, 3, 4, 5, 9])
    model = build_mlp((4,), label_smoothing=0.3, seed=0)
    measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)
    expected = float(loss(np.eye(10)[labels], np.asarray(model(images))))
    assert measured["loss"] == pytest.approx(expected, rel=1e-5)
    right = np.asarray(model(images)).argmax(axis=1) == labels
    assert measured["accuracy"] == pytest.approx(right.mean())


def test_further_arguments_reach_all_dense_layers():
    import keras

    constraint = keras.constraints.NonNeg()
    model = build_mlp((6, 5), kernel_constraint=constraint, bias_initializer="ones")
    for layer in dense_layers(model):
        assert layer.kernel_constraint is constraint
        assert (layer.get_weights()[1] == 1).all()


def test_mlp_measures_cross_entropy_and_accuracy(images):
    labels = np.array([0, 1, 2, 3, 4, 5, 9])
    model = build_mlp((4,), seed=0)
    measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    probabilities = np.asarray(model(images))
    assert measured == pytest.approx(
        {
            "loss": -np.log(probabilities[np.arange(7), labels]).mean(),
            "accuracy": (probabilities.argmax(axis=1) == labels).mean(),
        },
        rel=1e-4,
    )


@pytest.mark.parametrize("build", [build_mlp, build_cnn])
def test_equal_seeds_give_equal_weights_and_others_other_weights(build):
    first, again, other = (build((6, 5), seed=seed) for seed in (7, 7, 8))
    assert not any(weights_differ(first, again))
    assert all(weights_differ(first, other))


def test_without_a_seed_the_weights_go_on_with_the_random_state():
    import keras

    keras.utils.set_random_seed(7)
    first, second = build_mlp((6,)), build_mlp((6,))
    assert all(weights_differ(first, second))
    assert not any(weights_differ(first, build_mlp((6,), seed=7)))


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_penalty_is_on_all_kernels_and_on_no_bias(hidden):
    import keras

    model = build_mlp(hidden, kernel_regularizer=keras.regularizers.L2(0.3), seed=0)
    for layer in dense_layers(model):
        # Biases start at zero, where a penalty on them would not show.
        layer.bias.assign(np.full(layer.bias.shape, 10.0))
    squares = sum(
        (layer.get_weights()[0].astype(float) ** 2).sum() for layer in dense_layers(model)
    )
    assert float(sum(model.losses)) == pytest.approx(0.3 * squares, rel=1e-5)


# --- The convolutional network --------------------------------------------------------------------


@properties
@given(
    filters=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    sides=st.tuples(st.integers(8, 12), st.integers(8, 12)),
    channels=st.sampled_from([1, 3]),
    classes=st.integers(2, 4),
)
def test_cnn_has_a_weight_per_tap_and_halves_the_image_after_each_convolution(
    filters, sides, channels, classes
):
    model = build_cnn(filters, input_shape=(*sides, channels), classes=classes)
    depths = [channels, *filters]
    convolutions = sum((9 * before + 1) * after for before, after in pairwise(depths))
    left = np.prod([side // 2 ** len(filters) for side in sides]) * filters[-1]
    assert model.count_params() == convolutions + (left + 1) * classes
    assert model.output_shape == (None, classes)


def test_cnn_gives_probabilities_and_is_measured_on_one_hot_labels(photos):
    import keras

    model = build_cnn(seed=3)
    probabilities = np.asarray(model(photos))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    labels = np.array([0, 1, 1, 0])
    scores = model.evaluate(photos, keras.utils.to_categorical(labels), verbose=0, return_dict=True)
    loss = -np.log(probabilities[range(4), labels]).mean()
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    assert scores == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-4)


def test_cnn_drops_features_before_the_last_layer_only_when_told():
    kinds = [
        [type(layer).__name__ for layer in build_cnn((4,), dropout=p).layers] for p in (0, 0.5)
    ]
    assert kinds[0] == ["Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert kinds[1] == ["Conv2D", "MaxPooling2D", "Flatten", "Dropout", "Dense"]


def test_cnn_is_compiled_with_adam_or_an_optimizer_of_its_own():
    import keras

    assert float(build_cnn((4,)).optimizer.learning_rate) == pytest.approx(0.002)
    sgd = build_cnn((4,), optimizer=partial(keras.optimizers.SGD, 0.1)).optimizer
    assert type(sgd) is keras.optimizers.SGD


def test_cnn_augments_in_training_only_and_with_a_layer_of_its_own(photos):
    flip = partial(build_augmenter, flip=True, noise=0.1, seed=0)
    plain, first, second = build_cnn(seed=1), *(build_cnn(augmenter=flip, seed=1) for _ in range(2))
    assert first.layers[0] is not second.layers[0]
    np.testing.assert_allclose(first(photos, training=False), plain(photos), rtol=1e-5)
    assert np.abs(first(photos, training=True) - plain(photos, training=True)).max() > 1e-4


# --- Backbones ------------------------------------------------------------------------------------

# --- Names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("vgg16", "VGG16"),
        ("resnet50_v2", "ResNet50V2"),
        ("mobilenet_v3_small", "MobileNetV3Small"),
        ("efficientnet_b0", "EfficientNetB0"),
        ("efficientnet_v2_b0", "EfficientNetV2B0"),
        ("nasnet_mobile", "NASNetMobile"),
        ("convnext_tiny", "ConvNeXtTiny"),
        ("InceptionResNetV2", "InceptionResNetV2"),
    ],
)
def test_networks_of_keras_are_found_by_their_name(name, function, monkeypatch):
    import keras

    def build(**options):
        raise LookupError(options["weights"])

    monkeypatch.setattr(keras.applications, function, build)
    with pytest.raises(LookupError, match="imagenet"):
        build_backbone(name)


def test_unknown_names_and_options_are_refused():
    listed = "'VGG 16'.*'efficientnet_lite0'.* convnextbase, .*, vgg16, "
    with pytest.raises(ValueError, match=f"There is no backbone {listed}"):
        build_backbone("VGG 16")
    for name in ("efficientnet_lite0", "mobilenet"):
        with pytest.raises(ValueError, match="pooling must be None or \"avg\", got 'max'"):
            build_backbone(name, weights=None, pooling="max")


# --- Preprocessing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "preprocessed"),
    # As Keras documents them: -1..1; BGR less the means of ImageNet; RGB by means and deviations.
    [
        ("mobilenet_v2", [-1, 0, 1]),
        ("vgg16", [255 - 103.939, 127.5 - 116.779, -123.68]),
        ("densenet121", [-0.485 / 0.229, (0.5 - 0.456) / 0.224, (1 - 0.406) / 0.225]),
        ("efficientnet_b0", [0, 127.5, 255]),
        ("mobilenet_v3_small", [0, 127.5, 255]),
    ],
)
def test_preprocessing_is_the_one_that_keras_documents(name, preprocessed, monkeypatch):
    import keras

    functions = {f.lower(): f for f in dir(keras.applications) if f[0].isupper()}
    monkeypatch.setattr(
        keras.applications,
        functions[name.replace("_", "")],
        lambda input_tensor, **options: keras.Model(
            keras.utils.get_source_inputs(input_tensor), input_tensor
        ),
    )
    model = build_backbone(name, input_shape=(1, 1, 3))
    given = np.array([[[[0.0, 127.5, 255]]]], "float32")
    np.testing.assert_allclose(np.ravel(model(given)), preprocessed, rtol=1e-5, atol=1e-5)


@stores
# Keras 3.10 wants the image of a loaded model in a list, and takes it alone with a warning.
@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
@pytest.mark.parametrize("name", ["efficientnet_lite0", "vgg16"])
def test_stored_model_is_loaded_with_its_preprocessing(name, tmp_path):
    import keras

    options = {**SMALL, "input_shape": (32, 32, 3)}
    model = build_backbone(name, weights=None, **options)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(photo(32, 32)), model(photo(32, 32)))


# --- Weights ------------------------------------------------------------------------------------


@stores
@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet"])
def test_weights_are_read_from_a_file(name, tmp_path):
    model = build_backbone(name, weights=None, seed=1, **SMALL)
    path = tmp_path / "tuned.weights.h5"
    model.save_weights(path)
    again = build_backbone(name, weights=str(path), **SMALL)
    np.testing.assert_array_equal(again(photo(64, 64)), model(photo(64, 64)))


@stores
def test_weights_of_keras_are_read_from_a_file(tmp_path):
    import keras

    module = keras.applications.mobilenet
    plain = module.MobileNet(weights=None, include_top=False, **SMALL)
    plain.save(tmp_path / "mobilenet.h5")
    model = build_backbone("mobilenet", weights=tmp_path / "mobilenet.h5", **SMALL)
    expected = plain(module.preprocess_input(photo(64, 64).astype("float32")), training=False)
    np.testing.assert_allclose(model(photo(64, 64), training=False), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", ["npz", "weights.h5", "h5"])
def test_damaged_file_of_weights_is_named(suffix, tmp_path):
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match=f"{re.escape(str(path))} .*damaged"):
        build_backbone(weights=path, **SMALL)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet"])
def test_random_weights_are_those_of_the_seed(name):
    first, again, other = (
        build_backbone(name, weights=None, seed=seed, **SMALL).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    # Normalization starts the same, whatever the seed.
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1)


def test_missing_file_of_weights_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(f"{tmp_path / 'none.h5'}. Give a path")):
        build_backbone(weights=tmp_path / "none.h5", **SMALL)


@stores
# Keras warns of each group of layers that it does not find.
@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
@pytest.mark.parametrize("other", [{"name": "mobilenet"}, {"include_top": True}])
def test_weights_of_another_model_of_keras_are_refused(tmp_path, other):
    path = tmp_path / "other.weights.h5"
    build_backbone(weights=None, **SMALL).save_weights(path)
    with pytest.raises(
        ValueError, match=r"other\.weights\.h5 is damaged, or holds .* another model"
    ):
        build_backbone(weights=path, **{**SMALL, **other})


def test_download_that_breaks_off_is_told_too(monkeypatch):
    import keras

    def break_off(**options):
        raise TimeoutError("timed out")

    monkeypatch.setattr(keras.applications, "VGG16", break_off)
    with pytest.raises(
        ConnectionError, match=r"'vgg16' cannot be downloaded \(timed out\).*weights"
    ):
        build_backbone("vgg16")


def test_other_errors_of_keras_pass():
    with pytest.raises(ValueError, match="Input size must be at least 32"):
        build_backbone("vgg16", weights=None, input_shape=(16, 16, 3))


@pytest.fixture
def no_network():
    """No address can be opened, as without a network."""

    class Refuse(urllib.request.BaseHandler):
        def default_open(self, request):
            raise urllib.error.URLError("no network")

    urllib.request.install_opener(urllib.request.build_opener(Refuse))
    yield
    urllib.request.install_opener(None)


def test_without_a_network_the_error_names_the_way_out(no_network, capsys):
    # Of this width nobody has the weights in Keras's cache.
    with pytest.raises(ConnectionError) as caught:
        build_backbone("nasnet_mobile", input_shape=(224, 224, 3))
    message = str(caught.value)
    assert "'nasnet_mobile' cannot be downloaded" in message
    assert "no network" in message
    assert "'efficientnet_lite0', which comes with the course" in message
    (url,) = set(re.findall(r"fetch (https://\S+)", message))
    file = url.rpartition("/")[2]
    assert f'build_backbone("nasnet_mobile", weights="{file}", ...)' in message


# --- Blocks ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backbone():
    return build_backbone(weights=None, **SMALL)


def kernels(model):
    """Return which layers learn, by name; a kernel each, because all normalization is frozen."""
    return [weight.path.split("/")[-2] for weight in model.trainable_weights]


@pytest.mark.parametrize(
    ("name", "parameters", "first", "last", "count"),
    # The numbers of parameters are those of Keras's documentation, less the last layers.
    [
        ("efficientnet_lite0", 3_413_024, "stem", "top", 18),
        ("vgg16", 14_714_688, "block1", "block5", 5),
        ("mobilenet", 3_228_864, "stem", "block_13", 14),
        ("mobilenet_v2", 2_257_984, "stem", "top", 19),
        ("mobilenet_v3_small", 939_120, "stem", "top", 13),
        ("resnet50_v2", 23_564_800, "stem", "conv5_block3", 17),
        ("densenet121", 7_037_504, "stem", "conv5_block16", 59),
        ("efficientnet_b0", 4_049_571, "stem", "top", 18),
        ("xception", 20_861_480, "block1", "block14", 14),
    ],
)
def test_networks_have_their_published_size_and_the_blocks_of_the_papers(
    name, parameters, first, last, count
):
    model = build_backbone(name, weights=None, pooling="avg", input_shape=(96, 96, 3))
    assert (model.name, model.count_params()) == (name, parameters)
    assert model.input_shape == (None, 96, 96, 3)
    found = blocks(model)
    names = list(found)
    assert (names[0], names[-1], len(names)) == (first, last, count)
    # Every layer with weights is in one block, in the order of the model.
    inside = [layer.name for layers in found.values() for layer in layers]
    assert len(set(inside)) == len(inside)
    outside = {layer.name for layer in model.layers} - set(inside)
    assert not any(model.get_layer(layer).trainable_weights for layer in outside)


def test_layers_of_a_block_are_in_the_order_of_computation(backbone):
    assert [layer.name for layer in blocks(backbone)["block2b"]] == [
        "block2b_expand_conv",
        "block2b_expand_bn",
        "block2b_expand_activation",
        "block2b_dwconv",
        "block2b_bn",
        "block2b_activation",
        "block2b_project_conv",
        "block2b_project_bn",
        "block2b_add",
    ]


def test_last_layers_of_vgg16_are_its_top():
    # With all the weights of its last layers it would take half a gigabyte.
    import keras

    model = build_backbone("vgg16", weights=None, pooling="avg", input_shape=(32, 32, 3))
    top = keras.layers.Dense(4, name="fc1")(model.output)
    found = blocks(keras.Model(model.input, top))
    assert list(found) == ["block1", "block2", "block3", "block4", "block5", "top"]
    assert [layer.name for layer in found["top"]][-1:] == ["fc1"]


@pytest.mark.parametrize(
    ("keep_last", "names", "layers"),
    [
        (0, [], []),
        (1, ["top"], ["top_conv"]),
        (
            2,
            ["block7a", "top"],
            ["block7a_expand_conv", "block7a_dwconv", "block7a_project_conv", "top_conv"],
        ),
    ],
)
def test_exactly_the_last_blocks_learn(backbone, keep_last, names, layers):
    freeze(backbone, keep_last=5)  # which is forgotten
    assert freeze(backbone, keep_last=keep_last) == names
    assert kernels(backbone) == layers


def test_all_blocks_may_learn_except_normalization(backbone):
    assert freeze(backbone, keep_last=18) == list(blocks(backbone))
    # Sixteen blocks of three convolutions, one of them without expansion, the stem and the top.
    assert len(backbone.trainable_weights) == 16 * 3 - 1 + 2
    assert not any("bn" in name for name in kernels(backbone))


@pytest.mark.parametrize("keep_last", [-1, 19])
def test_other_numbers_of_blocks_are_refused(backbone, keep_last):
    with pytest.raises(
        ValueError, match=f"between 0 and 18, the number of blocks.* got {keep_last}"
    ):
        freeze(backbone, keep_last=keep_last)


def test_frozen_weights_and_statistics_stand_still_in_training():
    import keras

    backbone = build_backbone(**SMALL)
    freeze(backbone, keep_last=2)
    image = keras.Input((64, 64, 3))
    probability = keras.layers.Dense(1, "sigmoid")(backbone(image))
    model = keras.Model(image, probability)
    model.compile("sgd", "binary_crossentropy")
    before = {weight.path: weight.numpy() for weight in backbone.weights}
    rng = np.random.default_rng(0)
    model.fit(rng.integers(0, 256, (8, 64, 64, 3)), np.arange(8) % 2, verbose=0)
    moved = {
        w.path.split("/")[-2]
        for w in backbone.weights
        if not np.array_equal(before[w.path], w.numpy())
    }
    assert moved == {"block7a_expand_conv", "block7a_dwconv", "block7a_project_conv", "top_conv"}


def test_networks_without_blocks_are_refused_but_for_freezing_all():
    model = build_mlp((4,))
    for refused in (blocks, lambda model: freeze(model, keep_last=1)):
        with pytest.raises(ValueError, match=r"not named by blocks.*layer\.trainable"):
            refused(model)
    assert freeze(model) == []
    assert model.trainable_weights == []


# --- Folded batch normalization -------------------------------------------------------------------


def normalizations(model):
    import keras

    return [x.name for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def randomize(model, seed=0):
    """Give normalization other constants than those it starts with, which do nothing."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if "batch_normalization" in layer.name or "bn" in layer.name.lower():
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])


def assert_equal_outputs(model, fast, images):
    expected = np.asarray(model(images, training=False))
    computed = np.asarray(fast(images))
    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_folded_backbone_computes_the_same_features():
    import keras

    model = build_backbone(input_shape=(96, 96, 3), pooling="avg")
    before = model.get_weights()
    # That it is part of another model changes nothing.
    image = keras.Input((96, 96, 3))
    keras.Model(image, keras.layers.Dense(1)(model(image, training=False)))
    fast = fold_batch_norm(model)
    assert len(normalizations(model)) == 49
    assert normalizations(fast) == []
    assert_equal_outputs(model, fast, photo(96, 96))
    # The original is what it was, and the folded one is not for training.
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert model.trainable_weights
    assert fast.trainable_weights == []
    assert fast.output_shape == model.output_shape
    assert fast.name == model.name


@pytest.mark.parametrize(
    ("name", "left"),
    # DenseNet normalizes before its convolutions: only what stands between two can be folded.
    [("mobilenet_v2", 0), ("densenet121", 62)],
)
def test_networks_of_keras_are_folded_too(name, left):
    model = build_backbone(name, weights=None, input_shape=(64, 64, 3), pooling="avg")
    randomize(model)
    fast = fold_batch_norm(model)
    assert len(normalizations(fast)) == left
    assert_equal_outputs(model, fast, photo(64, 64))


def chain(*layers):
    import keras

    image = x = keras.Input((16, 16, 3))
    for layer in layers:
        x = layer(x)
    model = keras.Model(image, x)
    randomize(model)
    return model


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}])
@pytest.mark.parametrize("use_bias", [True, False])
def test_all_kinds_of_normalization_are_folded(options, use_bias):
    from keras import layers

    model = chain(
        layers.Conv2D(4, 3, use_bias=use_bias, bias_initializer="ones"),
        layers.BatchNormalization(**options),
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=use_bias, bias_initializer="ones"),
        layers.BatchNormalization(**options),
    )
    fast = fold_batch_norm(model)
    assert normalizations(fast) == []
    assert_equal_outputs(model, fast, photo(16, 16) / 255)


def test_normalization_stays_where_a_convolution_cannot_do_its_work():
    import keras
    from keras import layers

    after_activation = chain(layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization())
    of_rows = chain(layers.Conv2D(4, 3), layers.BatchNormalization(axis=1))
    first = chain(layers.BatchNormalization(), layers.Conv2D(4, 3))
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3)(image)
    read_twice = keras.Model(image, layers.Add()([x, layers.BatchNormalization()(x)]))
    also_output = keras.Model(image, [x, layers.BatchNormalization()(x)])
    for model in (after_activation, of_rows, first, read_twice):
        randomize(model)
        fast = fold_batch_norm(model)
        assert len(normalizations(fast)) == 1
        assert_equal_outputs(model, fast, photo(16, 16) / 255)
    randomize(also_output)
    for one, other in zip(
        also_output(photo(16, 16)), fold_batch_norm(also_output)(photo(16, 16)), strict=True
    ):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5)


def test_layers_that_are_used_twice_are_refused():
    import keras
    from keras import layers

    shared = layers.Conv2D(3, 1, name="shared")
    image = keras.Input((16, 16, 3))
    once = layers.BatchNormalization()(shared(image))
    model = keras.Model(image, layers.BatchNormalization()(shared(once)))
    with pytest.raises(ValueError, match="uses shared more than once"):
        fold_batch_norm(model)
