"""What the profiles mean, and the one call that prepares a notebook's run."""

import contextlib
import os
import sys
import tempfile
from typing import NamedTuple


class Profile(NamedTuple):
    """How much a notebook trains; everything else is the same in all profiles.

    Attributes
    ----------
    name : str
    seeds : int
        Repetitions; each redraws data, noise, weights and order.
    steps : int, optional
        Most batches of each part of the data that `fit` and `compare` look at.
    """

    name: str
    seeds: int
    steps: int | None = None


# "standard" is the lesson: what is published and what students run. "smoke" only shows that every
# cell runs: what is hardly trained decides no claim.
PROFILES = {
    profile.name: profile
    for profile in (Profile("smoke", seeds=2, steps=1), Profile("standard", seeds=5))
}
DEVICES = ("cpu", "gpu")

_prepared = PROFILES["standard"]


def prepared() -> Profile:
    """Return the profile of this run: that of the last `prepare`, "standard" without one."""
    return _prepared


def prepare(
    profile: str = "standard", seed: int = 0, device: str = "cpu", *, threads: int | None = None
) -> Profile:
    """Prepare a notebook's run: import TensorFlow quietly, choose the device, seed everything.

    Parameters
    ----------
    profile : {"smoke", "standard"}, default "standard"
    seed : int, default 0
        Seeds Python, NumPy and Keras.
    device : {"cpu", "gpu"}, default "cpu"
        On "cpu" a GPU stays unused, so that the numbers are the ones that were published.
    threads : int, optional
        Of TensorFlow, by default one for each core. For small networks one is faster, and makes
        the numbers independent of the number of cores.

    Returns
    -------
    Profile
        What the profile means.

    Raises
    ------
    ValueError
        If the profile, seed or device is none of the above.
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
    with _quiet_native_log():
        import keras
        import tensorflow as tf

        _choose_device(tf, device)
        if threads is not None:
            with _before_the_start("number of threads"):
                tf.config.threading.set_intra_op_parallelism_threads(threads)
                tf.config.threading.set_inter_op_parallelism_threads(threads)
        keras.utils.set_random_seed(seed)
        # Every new model is compiled; trained by the dozen, TensorFlow takes them for one that is
        # compiled again and again, and says so in red.
        tf.get_logger().addFilter(_is_not_about_retracing)
        tf.zeros(1)  # the first operation starts the runtime, which logs as well
    global _prepared
    _prepared = PROFILES[profile]
    return _prepared


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
