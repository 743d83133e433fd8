"""What teachers get from grading: tables of the grades, and a summary."""

import csv
import io
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coursehelpers.checks.display import Table
from coursehelpers.grading import feedback, results
from coursehelpers.grading.frame import RESULTS
from coursehelpers.grading.students import repeated, student_of
from coursehelpers.grading.text import clean, defuse

GRADES, CANVAS, MOODLE = "grades.csv", "canvas.csv", "moodle.csv"
MANY = 20  # submissions, and what cannot be graded, beyond which they are not listed one by one
FREQUENT = 5


def write_reports(folder, grades, lesson):
    """Write all that a teacher gets, each file at once or not at all.

    Parameters
    ----------
    folder : path-like
    grades : list of judge.Grade
        All submissions of the run.
    lesson : str
        The notebook's name.

    Returns
    -------
    list of pathlib.Path
        What was written: the table, the pages, everything for programs, and the files to import
        into Canvas or Moodle if submissions came from there.
    """
    folder = Path(folder)
    texts = {
        GRADES: grades_table(grades),
        RESULTS: json.dumps([asdict(grade) for grade in grades]),
        CANVAS: canvas_table(grades, lesson),
        MOODLE: moodle_table(grades),
    }
    for name, text in texts.items():
        if text:
            results.write(folder / name, text)
        else:  # one of an earlier run would be taken for this one's
            (folder / name).unlink(missing_ok=True)
    pages = feedback.write_pages(folder, grades, lesson)
    return [*(folder / name for name, text in texts.items() if text), pages]


def grades_table(grades):
    """Return the table of grades: a row for each submission, a column for each exercise."""
    exercises = list(dict.fromkeys(o["id"] for grade in grades for o in grade.outcomes))
    counts = repeated(grade.submission for grade in grades)
    head = ("student", "id", "total", "possible", *exercises, "problem", "mentions")
    rows = [(*head, "submission", "student read from", "lesson", "isolation", "feedback")]
    for grade in grades:
        student, count = student_of(grade.submission), counts[grade.submission]
        earned = {outcome["id"]: outcome["earned"] for outcome in grade.outcomes}
        mentions = [f"One of {count} submissions of this student."] * (count > 1)
        mentions += ["Late, by Canvas."] * student.late + grade.mentions
        rows.append(
            (student.name, student.id, grade.earned, grade.possible)
            + tuple(earned.get(name, "") for name in exercises)
            + (grade.problem, " ".join(mentions), grade.submission, student.source, grade.lesson)
            + (grade.isolation, f"{feedback.FOLDER}/{feedback.page_name(grade.submission)}")
        )
    # Excel takes a file for UTF-8 by its first character only.
    return "\ufeff" + _csv(rows)


def canvas_table(grades, lesson):
    """Return a table to import into Canvas's gradebook, or nothing if no submission is from there."""
    best = _best(grades, "Canvas")
    rows = [("Student", "ID", "SIS User ID", "SIS Login ID", "Section", lesson)]
    rows += [(s.name, s.id, "", "", "", grade.earned) for s, grade in best]
    return _csv(rows) if best else ""


def moodle_table(grades):
    """Return a grading worksheet for Moodle, or nothing if no submission is from there."""
    best = _best(grades, "Moodle")
    rows = [("Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)")]
    rows += [
        (f"Participant {s.id}", s.name, grade.earned, grade.possible, "-") for s, grade in best
    ]
    return _csv(rows) if best else ""


def _best(grades, source):
    """Return each student of a source with the best submission that could be graded."""
    best: dict[tuple[str, str], Any] = {}
    for grade in grades:
        student = student_of(grade.submission)
        if student.source != source or grade.problem:
            continue
        if student.key not in best or grade.earned > best[student.key][1].earned:
            best[student.key] = student, grade
    return list(best.values())


def _csv(rows):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([defuse(v) if isinstance(v, str) else v for v in row] for row in rows)
    return text.getvalue()


class Exercises(Table):
    """How an exercise came out over all submissions that could be graded."""

    head = ("exercise", "passed", "partial", "failed", "not attempted", "mean points")


def summary(grades):
    """Return what a teacher wants to see at the end of a run.

    Parameters
    ----------
    grades : list of judge.Grade

    Returns
    -------
    str
        A line for each submission if they are few, a table of the exercises, the most frequent
        misconceptions, and what could not be graded.
    """
    graded = [grade for grade in grades if not grade.problem]
    failed = [grade for grade in grades if grade.problem]
    lines = [_line(grade) for grade in graded] if len(grades) <= MANY else []
    if graded:
        mean = sum(grade.earned for grade in graded) / len(graded)
        of = f", in the mean {mean:.1f} of {graded[0].possible} points"
        lines += ["", repr(Exercises(_rows(graded), f"{_counted(len(graded))}{of}"))]
        lines += _misconceptions(graded)
    several = [name for name, count in repeated(g.submission for g in grades).items() if count > 1]
    if several:
        students = {student_of(name).key for name in several}
        told = f"{_counted(len(several))} are of {_counted(len(students), 'student')} with several"
        lines += ["", f"{told}, see {GRADES}."]
    if failed:
        lines += ["", f"{_counted(len(failed))} could not be graded:"]
        lines += [f"  {clean(g.submission)}: {clean(g.problem)}" for g in failed[:MANY]]
        lines += [f"  and {len(failed) - MANY} more, see {GRADES}"] * (len(failed) > MANY)
    return "\n".join(lines).strip("\n")


def _counted(count, what="submission"):
    return f"{count} {what}{'s' * (count != 1)}"


def _line(grade):
    status = Counter(map(_told, grade.outcomes))
    told = ", ".join(f"{status[word]} {word}" for word in Exercises.head[1:5] if status[word])
    return f"{clean(grade.submission)}: {grade.earned} of {grade.possible} points; {told}"


def _told(outcome):
    """Return an outcome's status, in the fewer words of the summary."""
    return "failed" if outcome["status"] in ("error", "timed out") else outcome["status"]


def _rows(graded):
    for number, first in enumerate(graded[0].outcomes):
        outcomes = [grade.outcomes[number] for grade in graded]
        status = Counter(map(_told, outcomes))
        shares = (f"{status[word] / len(graded):.0%}" for word in Exercises.head[1:5])
        mean = sum(outcome["earned"] for outcome in outcomes) / len(graded)
        yield (first["id"], *shares, f"{mean:.1f} of {first['possible']}")


def _misconceptions(graded):
    found = Counter(
        (outcome["id"], outcome["misconception"])
        for grade in graded
        for outcome in grade.outcomes
        if outcome["misconception"]
    )
    if not found:
        return []
    width = len(str(max(found.values())))
    return ["", "Most frequent misconceptions:"] + [
        f"  {count:{width}} x {name}: {misconception}"
        for (name, misconception), count in found.most_common(FREQUENT)
    ]
