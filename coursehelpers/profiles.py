"""What quick, standard and full mean, and the one call that prepares a notebook's run."""

import contextlib
import os
import sys
import tempfile
from typing import NamedTuple


class Profile(NamedTuple):
    """How much work a notebook does.

    Attributes
    ----------
    name : str
    seeds : int
        Repetitions of everything that is trained; each redraws data, noise, weights and order.
    draws : int
        Repetitions of what has a closed form and costs milliseconds.
    epochs : int
        Epochs of a training run that is meant to overfit.
    iterations : int
        Gradient steps of the longest single run.
    strengths : int
        Strengths tried of each method, where the best is chosen on validation data.
    photos : int
        Training photos where convolutional networks are compared.
    photo_epochs : int
        Epochs of such a network.
    tuning_epochs : int
        Epochs of a pre-trained network that learns on, and of pre-training a small one.
    """

    name: str
    seeds: int
    draws: int
    epochs: int
    iterations: int
    strengths: int
    photos: int
    photo_epochs: int
    tuning_epochs: int


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "quick",
            seeds=3,
            draws=50,
            epochs=6,
            iterations=1_000,
            strengths=1,
            photos=300,
            photo_epochs=12,
            tuning_epochs=2,
        ),
        Profile(
            "standard",
            seeds=5,
            draws=50,
            epochs=30,
            iterations=10_000,
            strengths=2,
            photos=1_000,
            photo_epochs=40,
            tuning_epochs=6,
        ),
        Profile(
            "full",
            seeds=10,
            draws=200,
            epochs=60,
            iterations=10_000,
            strengths=3,
            photos=1_000,
            photo_epochs=60,
            tuning_epochs=10,
        ),
    )
}
DEVICES = ("cpu", "gpu")


def prepare(profile="standard", seed=0, device="cpu", *, threads=None):
    """Prepare a notebook's run: import TensorFlow quietly, choose the device, seed everything.

    Parameters
    ----------
    profile : {"quick", "standard", "full"}, default "standard"
    seed : int, default 0
        Seeds Python, NumPy and Keras.
    device : {"cpu", "gpu"}, default "cpu"
        On "cpu" a GPU stays unused, so that the numbers are the ones that were published.
    threads : int, optional
        Threads that TensorFlow may use, by default one for each core. For small networks a single
        one is faster, and the numbers do not depend on how many cores there are.

    Returns
    -------
    Profile
        What the profile means.

    Raises
    ------
    ValueError
        If an argument is none of the above.
    RuntimeError
        If `device` is "gpu" and TensorFlow finds none, or if TensorFlow has started with another
        device or number of threads.
    """
    if profile not in PROFILES:
        raise ValueError(f"PROFILE must be one of {', '.join(PROFILES)}, got {profile!r}.")
    if device not in DEVICES:
        raise ValueError(f"DEVICE must be one of {', '.join(DEVICES)}, got {device!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"SEED must be an integer from 0 to 2**32 - 1, got {seed!r}.")
    if threads is not None and (isinstance(threads, bool) or threads not in range(1, 1025)):
        raise ValueError(f"threads must be a positive integer, got {threads!r}.")
    with _quiet_native_log():
        import keras
        import tensorflow as tf

        _choose_device(tf, device)
        if threads is not None:
            _choose_threads(tf, threads)
        keras.utils.set_random_seed(seed)
        # Every new model is compiled; trained by the dozen, TensorFlow takes them for one that is
        # compiled again and again, and says so in red.
        tf.get_logger().addFilter(_is_not_about_retracing)
        tf.zeros(1)  # the first operation starts the runtime, which logs as well
    return PROFILES[profile]


def _is_not_about_retracing(record):
    return "tf.function retracing" not in str(record.msg)


def _choose_device(tf, device):
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise RuntimeError(
            "DEVICE is gpu, but TensorFlow finds no usable GPU. Install the CUDA libraries "
            "(`make notebooks DEVICE=gpu` does it) and look at `nvidia-smi`, or set DEVICE=cpu."
        )
    wanted = gpus if device == "gpu" else []
    if tf.config.get_visible_devices("GPU") != wanted:
        with _before_the_start("device"):
            tf.config.set_visible_devices(wanted, "GPU")


def _choose_threads(tf, threads):
    with _before_the_start("number of threads"):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


@contextlib.contextmanager
def _before_the_start(what):
    """Explain the error of TensorFlow if it has started otherwise."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            f"The {what} can only be chosen before TensorFlow has computed anything. "
            "Restart the kernel, then run this cell first."
        ) from error


@contextlib.contextmanager
def _quiet_native_log():
    """Hold back what TensorFlow's C++ code writes to stderr while it starts.

    It does so before its log level is read, so no environment variable silences it. If the start
    fails, all of it is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        before = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(before, held.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
