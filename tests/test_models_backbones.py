"""Backbones by name: architecture, preprocessing, weights from files, and what is refused."""

import importlib
import re
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from coursehelpers import data as files
from coursehelpers.data import DataError, load_efficientnet_lite0
from coursehelpers.models import build_backbone
from coursehelpers.models.backbones import APPLICATIONS
from tests.efficientnet_lite0_reference import photo

SMALL = {"input_shape": (64, 64, 3), "pooling": "avg"}
# Keras stores variables through an interface of NumPy 1.
stores = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def application(name):
    """Return a network's function in keras.applications, and the module of its preprocessing."""
    import keras

    function = APPLICATIONS[name][0]
    build = getattr(keras.applications, function)
    return build, importlib.import_module(build.__module__)


# --- Names --------------------------------------------------------------------------------------


def test_every_network_of_keras_has_a_name():
    import keras

    functions = {name for name in dir(keras.applications) if name[0].isupper()}
    assert functions <= {function for function, _ in APPLICATIONS.values()}
    assert all(name == name.lower() for name in APPLICATIONS)


@pytest.mark.parametrize(
    ("name", "parameters"),
    # As the documentation of Keras lists them, less the last layers.
    [
        ("vgg16", 14_714_688),
        ("mobilenet", 3_228_864),
        ("mobilenet_v2", 2_257_984),
        ("mobilenet_v3_small", 939_120),
        ("resnet50", 23_587_712),
        ("densenet121", 7_037_504),
        ("efficientnet_b0", 4_049_571),
    ],
)
def test_networks_of_keras_have_their_published_size(name, parameters):
    model = build_backbone(name, weights=None, **SMALL)
    assert model.count_params() == parameters
    assert model.name == name
    assert model.input_shape == (None, 64, 64, 3)


def test_last_layers_of_keras_are_there_when_asked_for():
    model = build_backbone("mobilenet_v2", weights=None, input_shape=(64, 64, 3), include_top=True)
    assert model.output_shape == (None, 1000)
    assert model.count_params() == 2_257_984 + 1281 * 1000
    map_ = build_backbone("mobilenet_v2", weights=None, input_shape=(64, 64, 3))
    assert map_.output_shape == (None, 2, 2, 1280)


def test_unknown_name_is_an_error_that_lists_the_choices():
    with pytest.raises(ValueError, match="There is no backbone 'VGG 16'") as caught:
        build_backbone("VGG 16")
    for name in ("efficientnet_lite0", *APPLICATIONS):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "pooling must be None or \"avg\", got 'max'"),
        ({"input_shape": (64, 64)}, r"height, width and channels.*got \(64, 64\)"),
        ({"input_shape": 64}, "height, width and channels.*got 64"),
    ],
)
@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet"])
def test_other_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        build_backbone(name, weights=None, **options)


# --- Preprocessing ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v2", "densenet121", "mobilenet_v3_small"])
def test_preprocessing_is_that_of_keras(name):
    build, module = application(name)
    options = {**SMALL, "input_shape": (32, 32, 3)}
    plain = build(weights=None, include_top=False, **options)
    model = build_backbone(name, weights=None, **options)
    model.set_weights(plain.get_weights())
    image = photo(32, 32)
    expected = plain(module.preprocess_input(image.astype("float32")), training=False)
    for given in (image, image.astype("float32")):
        computed = model(given, training=False)
        largest = np.abs(expected).max()
        np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_kind_of_preprocessing_is_the_one_that_keras_documents(name):
    # Building all forty would take minutes; their modules say what they do.
    kind = APPLICATIONS[name][1]
    _, module = application(name)
    given = np.array([[[0.0, 127.5, 255]]], "float32")
    expected = {
        "tf": [-1, 0, 1],
        "caffe": [255 - 103.939, 127.5 - 116.779, -123.68],
        "torch": [-0.485 / 0.229, (0.5 - 0.456) / 0.224, (1 - 0.406) / 0.225],
        "own": [0, 127.5, 255],
    }[kind]
    computed = np.asarray(module.preprocess_input(given.copy()))
    np.testing.assert_allclose(computed.ravel(), expected, rtol=1e-5, atol=1e-5)


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
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_of_keras_are_read_from_a_file(tmp_path, suffix):
    build, module = application("mobilenet")
    plain = build(weights=None, include_top=False, **SMALL)
    path = tmp_path / f"mobilenet{suffix}"
    (plain.save_weights if suffix == ".weights.h5" else plain.save)(path)
    model = build_backbone("mobilenet", weights=str(path), **SMALL)
    expected = plain(module.preprocess_input(photo(64, 64).astype("float32")), training=False)
    np.testing.assert_allclose(model(photo(64, 64), training=False), expected, rtol=1e-4, atol=1e-5)


@stores
def test_weights_of_the_default_backbone_are_read_from_a_file(tmp_path):
    arrays = load_efficientnet_lite0()
    path = tmp_path / "weights.npz"
    np.savez(path, **arrays)
    model = build_backbone(weights=path, **SMALL)
    assert model.count_params() == 3_413_024
    for layer in model.layers:
        for weight in layer.weights:
            np.testing.assert_array_equal(weight.numpy(), arrays[f"{layer.name}/{weight.name}"])
    path = tmp_path / "tuned.weights.h5"
    model.save_weights(path)
    again = build_backbone(weights=path, **SMALL)
    np.testing.assert_array_equal(again(photo(64, 64)), model(photo(64, 64)))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet"])
def test_random_weights_are_those_of_the_seed(name):
    first, again, other = (
        build_backbone(name, weights=None, seed=seed, **SMALL).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    # Normalization starts the same, whatever the seed.
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1)


def test_random_weights_keep_the_size_of_gradients():
    model = build_backbone(weights=None, seed=0, **SMALL)
    for layer in model.layers:
        for kernel in (w for w in layer.get_weights() if w.ndim == 4):
            outputs = np.prod(kernel.shape[:2]) * kernel.shape[3]
            assert kernel.std() == pytest.approx((2 / outputs) ** 0.5, rel=0.15), layer.name
    # Layers of the same shape do not start as the same.
    same = [model.get_layer(f"block6{block}_dwconv").get_weights()[0] for block in "bc"]
    assert not np.array_equal(*same)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet"])
def test_missing_file_of_weights_is_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(f"{tmp_path / 'none.h5'}. Give a path")):
        build_backbone(name, weights=tmp_path / "none.h5", **SMALL)


@pytest.mark.parametrize("suffix", ["npz", "weights.h5", "h5"])
@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet"])
def test_damaged_file_of_weights_is_named(name, suffix, tmp_path):
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match=f"{re.escape(str(path))} .*damaged"):
        build_backbone(name, weights=path, **SMALL)


@pytest.mark.parametrize("change", ["other shape", "missing"])
def test_weights_of_something_else_are_named(tmp_path, change):
    arrays = load_efficientnet_lite0()
    if change == "missing":
        del arrays["block3a_dwconv/kernel"]
    else:
        arrays["block3a_dwconv/kernel"] = np.ones((3, 3, 144, 1))
    path = tmp_path / "weights.npz"
    np.savez(path, **arrays)
    shape = "none" if change == "missing" else r"\(3, 3, 144, 1\)"
    message = rf"block3a_dwconv/kernel must have shape \(5, 5, 144, 1\), got {shape}"
    with pytest.raises(ValueError, match=message):
        build_backbone(weights=path, **SMALL)


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


def test_npz_with_a_pickle_is_refused(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **{"stem_conv/kernel": np.array([print])})
    with pytest.raises(ValueError, match="damaged, or no file of weights"):
        build_backbone(weights=path, **SMALL)


def test_damaged_data_file_is_an_error_of_the_data(tmp_path, monkeypatch):
    readme = Path(__file__).parents[1] / "data" / "README.md"
    (tmp_path / "README.md").write_bytes(readme.read_bytes())
    monkeypatch.setattr(files, "data_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"efficientnet-lite0\.npz is missing"):
        build_backbone(**SMALL)


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
