"""Data, models, training, plots and graded checks for the course notebooks.

Importing this package is instant: TensorFlow, pandas and matplotlib are imported by the
functions that need them.
"""


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("coursehelpers")
    raise AttributeError(f"module 'coursehelpers' has no attribute {name!r}")
