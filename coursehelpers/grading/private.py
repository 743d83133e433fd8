"""A teacher's private checks: declared like the public ones, and only ever in the grader."""

import os
import runpy
import traceback

from coursehelpers.checks.core import EXERCISES


def load(path, notebook):
    """Declare the exercises of a file; they replace public ones of the same id.

    Parameters
    ----------
    path : path-like
        A Python file with ``@exercise(...)`` declarations.
    notebook : str
        The name of the notebook; the file may hold exercises of others, too.

    Returns
    -------
    list of str
        The ids of the exercises of this notebook.

    Raises
    ------
    SystemExit
        If the file cannot be read or raises something, or declares no exercise of the notebook.
    """
    if not os.access(path, os.R_OK):
        raise SystemExit(f"{path} cannot be read.")
    public = dict(EXERCISES)  # all of them, since importing one imports every one
    EXERCISES.clear()  # so that an id is free to be declared anew
    try:
        runpy.run_path(str(path), run_name="private_checks")
        private = {name: e for name, e in EXERCISES.items() if e.notebook == notebook}
    except (Exception, SystemExit) as error:
        raise SystemExit(
            f"{path}, line {_line(error, path)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        EXERCISES.clear()
        EXERCISES.update(public)
    if not private:
        raise SystemExit(f"{path} declares no exercise with notebook={notebook!r}.")
    EXERCISES.update(private)
    return list(private)


def _line(error, path):
    """Return the number of the line of the file where an error came up."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), "?")
