"""What the profiles are, and what a fresh interpreter does when it is prepared."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from coursehelpers.profiles import (
    DEVICES,
    PROFILES,
    Profile,
    _choose_device,
    _quiet_native_log,
    prepare,
)

pytestmark = pytest.mark.heavy

# --- The table ----------------------------------------------------------------------------------


def test_profiles_are_a_smoke_test_and_the_lesson():
    assert list(PROFILES) == ["smoke", "standard"]
    assert [profile.name for profile in PROFILES.values()] == list(PROFILES)
    assert DEVICES == ("cpu", "gpu")


def test_the_lesson_repeats_often_enough_for_an_interval():
    assert PROFILES["standard"].seeds >= 5
    assert 1 < PROFILES["smoke"].seeds < PROFILES["standard"].seeds


# --- Bad arguments, which are told before TensorFlow is imported --------------------------------


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        *[("profile", wrong, "one of smoke, standard") for wrong in ("Smoke", "", None)],
        *[("device", wrong, "one of cpu, gpu") for wrong in ("GPU", "", None)],
        *[("seed", n, r"an integer from 0 to 2\*\*32 - 1") for n in (-1, 2**32, 1.0, "1", True)],
    ],
)
def test_prepare_names_a_bad_argument_and_the_choices(name, wrong, message):
    with pytest.raises(ValueError, match=f"{name.upper()} must be {message}, got ") as error:
        prepare(**{name: wrong})
    assert str(error.value).endswith(f"got {wrong!r}.")


# --- In a fresh interpreter ---------------------------------------------------------------------


# What a reader may do; it prints what came of it.
SESSION = """
import json, random, sys
from coursehelpers.profiles import prepare

def draw():
    import keras, numpy as np

    kernel = keras.layers.Dense(2)
    kernel.build((None, 2))
    return [random.random(), np.random.rand(), kernel.get_weights()[0].tolist()]

told = {"before": [name for name in ("tensorflow", "keras", "numpy") if name in sys.modules]}
told["profile"] = prepare("smoke", seed=2**32 - 1, threads=1)
told["type"] = type(told["profile"]).__name__
draws = [draw()]
for seed in (2**32 - 1, 0):
    told["again"] = prepare("standard", seed, threads=1)
    draws.append(draw())
told["draws"] = draws
try:
    prepare(device="gpu")
except RuntimeError as error:
    told["error"] = str(error)
try:
    prepare(threads=2)
except RuntimeError as error:
    told["too late"] = str(error)

import keras, numpy as np, tensorflow as tf

told["threads"] = tf.config.threading.get_intra_op_parallelism_threads()
told["devices"] = [device.device_type for device in tf.config.get_visible_devices()]
for _ in range(6):
    # A function that is compiled anew in every round is what TensorFlow warns of.
    tf.function(lambda x: tf.linalg.matmul(x, x))(tf.ones((2, 2)))
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def prepared():
    """What the session wrote to stderr, and what came of it."""
    # As on a reader's machine: nothing tells TensorFlow to be quiet, there is no GPU.
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", SESSION],
        capture_output=True,
        text=True,
        check=False,
        env={**env, "CUDA_VISIBLE_DEVICES": "-1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stderr, json.loads(done.stdout)


def test_prepare_and_the_first_computations_write_nothing_to_stderr(prepared):
    stderr, _ = prepared
    assert stderr == ""


def test_import_of_profiles_imports_no_tensorflow(prepared):
    _, told = prepared
    assert told["before"] == []


def test_prepare_returns_the_profile_and_may_be_called_again(prepared):
    _, told = prepared
    assert told["type"] == "Profile"
    assert Profile(*told["profile"]) == PROFILES["smoke"]
    assert Profile(*told["again"]) == PROFILES["standard"]


def test_prepare_seeds_python_numpy_and_the_weights(prepared):
    _, told = prepared
    first, same_seed, other_seed = told["draws"]
    assert first == same_seed
    assert all(one != other for one, other in zip(first, other_seed, strict=True))


def test_prepare_uses_the_cpu_only(prepared):
    _, told = prepared
    assert told["devices"] == ["CPU"]


def test_prepare_sets_the_threads_once(prepared):
    _, told = prepared
    assert told["threads"] == 1
    assert told["too late"].startswith("The number of threads can only be chosen before")


def test_prepare_for_a_gpu_that_is_missing_says_what_to_do(prepared):
    _, told = prepared
    assert told["error"].startswith("DEVICE is gpu, but TensorFlow finds no usable GPU.")
    for remedy in ("make notebooks DEVICE=gpu", "nvidia-smi", "DEVICE=cpu"):
        assert remedy in told["error"]


class FakeConfig:
    """The part of `tf.config` that chooses a device, on a machine with two GPUs."""

    def __init__(self, started):
        self.started, self.visible = started, ["GPU:0", "GPU:1"]

    def list_physical_devices(self, kind):
        return ["GPU:0", "GPU:1"]

    def get_visible_devices(self, kind):
        return self.visible

    def set_visible_devices(self, devices, kind):
        if self.started:
            raise RuntimeError("cannot be modified after being initialized")
        self.visible = devices


@pytest.mark.parametrize(("device", "visible"), [("cpu", []), ("gpu", ["GPU:0", "GPU:1"])])
def test_gpus_are_seen_only_if_they_are_asked_for(device, visible):
    config = FakeConfig(started=False)
    for _ in range(2):
        _choose_device(SimpleNamespace(config=config), device)
        assert config.visible == visible


def test_device_that_is_chosen_too_late_is_an_error_that_says_what_to_do():
    started = SimpleNamespace(config=FakeConfig(started=True))
    with pytest.raises(RuntimeError, match=r"before TensorFlow has computed.*Restart the kernel"):
        _choose_device(started, "cpu")
    # What is chosen already may be chosen again.
    _choose_device(started, "gpu")


# --- The native log -----------------------------------------------------------------------------


def test_native_log_is_held_back_while_it_starts(capfd):
    os.write(2, b"before\n")
    with _quiet_native_log():
        os.write(2, b"native\n")
    os.write(2, b"after\n")
    assert capfd.readouterr() == ("", "before\nafter\n")


@pytest.mark.parametrize("error", [ImportError("no TensorFlow"), KeyboardInterrupt()])
def test_native_log_is_shown_if_the_start_fails(capfd, error):
    with pytest.raises(type(error)), _quiet_native_log():  # noqa: PT012
        os.write(2, b"native\n")
        raise error
    os.write(2, b"after\n")
    assert capfd.readouterr() == ("", "native\nafter\n")


def test_native_log_keeps_the_level_that_a_reader_chose(monkeypatch):
    for chosen, level in ((None, "2"), ("0", "0")):
        monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
        if chosen is not None:
            monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", chosen)
        with _quiet_native_log():
            assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == level
