"""The results as a frame, to ask questions that the tables do not answer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from coursehelpers.data import AnyPath

if TYPE_CHECKING:
    import pandas as pd

RESULTS = "grades.json"
COLUMNS = (
    *("submission", "student", "id", "exercise", "status", "earned", "possible"),
    *("misconception", "message", "seconds", "isolation"),
)


def load_results(folder: AnyPath) -> "pd.DataFrame":
    """Load what `coursehelpers grade` has found as a tidy frame.

    Parameters
    ----------
    folder : path-like
        The folder of the results, which ``--out`` names.

    Returns
    -------
    pandas.DataFrame
        A row for each exercise of each submission in the last finished run: ``submission``,
        ``student``, ``id`` (of the student, in Canvas or Moodle), ``exercise``, ``status``,
        ``earned``, ``possible``, ``misconception`` (missing unless one was recognized),
        ``message`` (one line each), ``seconds`` (of the whole submission) and ``isolation``.

    Raises
    ------
    FileNotFoundError
        If no run has ended there yet.
    ValueError
        If the file of the results is damaged.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from coursehelpers.grading.judge import Grade
    >>> from coursehelpers.grading.reports import write_reports
    >>> outcome = {"id": "l2_penalty", "status": "failed", "earned": 0, "possible": 2}
    >>> outcome |= {"messages": ["Divide by m."], "misconception": "forgot m"}
    >>> folder = mkdtemp()  # in its place the one that `--out` names
    >>> _ = write_reports(folder, [Grade("ada.ipynb", "", [outcome])], "regularization")
    >>> results = load_results(folder)
    >>> results.groupby("exercise").misconception.value_counts()
    exercise    misconception
    l2_penalty  forgot m         1
    Name: count, dtype: int64
    """
    import pandas as pd

    from coursehelpers.grading.students import student_of

    path = Path(folder) / RESULTS
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {RESULTS} in {folder}. Give the folder that `coursehelpers grade` was "
            "given as --out; the file comes when a run has ended."
        )
    try:
        rows = []
        for grade in json.loads(path.read_text(encoding="utf-8")):
            student = student_of(grade["submission"])
            for outcome in grade["outcomes"]:
                facts = grade | outcome | student._asdict()
                facts |= {"student": student.name, "exercise": outcome["id"]}
                facts["message"] = "\n".join(outcome["messages"])
                rows.append([facts[column] for column in COLUMNS])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}). Run the same `coursehelpers "
            "grade` again: it writes the file anew and grades nothing twice."
        ) from error
    return pd.DataFrame(rows, columns=COLUMNS)
