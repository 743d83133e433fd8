"""Import Keras without TensorFlow's log, for the processes that judge mutants to begin with."""

from coursehelpers.profiles import _quiet_native_log

with _quiet_native_log():
    import keras  # noqa: F401
