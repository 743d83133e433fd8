"""Whose a submission is, by the names that nbgrader, Canvas and Moodle give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursehelpers.grading.students import repeated, student_of

NAMES = {
    # Canvas: name, student, submission, the file as it was called, and how often it came again
    "lovelaceada_12345_67890_regularization.ipynb": ("lovelaceada", "12345", "Canvas"),
    "lovelaceada_12345_67890_regularization-1.ipynb": ("lovelaceada", "12345", "Canvas"),
    "lovelaceada_LATE_12345_67890_regularization-2.ipynb": ("lovelaceada", "12345", "Canvas"),
    "müllerzoë_12345_67890_my_own_name (1).ipynb": ("müllerzoë", "12345", "Canvas"),
    # Moodle: in folders, with and without the line at the end, or all files in one
    "Ada Lovelace_12345_assignsubmission_file_/regularization.ipynb": (
        *("Ada Lovelace", "12345", "Moodle"),
    ),
    "Ada Lovelace_12345_assignsubmission_file/x.ipynb": ("Ada Lovelace", "12345", "Moodle"),
    "Ada_Lovelace_12345_assignsubmission_file_x.ipynb": ("Ada_Lovelace", "12345", "Moodle"),
    "Participant_12345_assignsubmission_file_/x.ipynb": ("Participant", "12345", "Moodle"),
    # nbgrader, from the folder of the course and from `submitted`
    "submitted/ada/regularization/regularization.ipynb": ("ada", "", "folder"),
    "ada/regularization/regularization.ipynb": ("ada", "", "folder"),
    "ada/regularization.ipynb": ("ada", "", "folder"),
    "submitted/regularization.ipynb": ("regularization", "", "file name"),
    "submitted.ipynb": ("submitted", "", "file name"),
    "ada.ipynb": ("ada", "", "file name"),
    "hw_1_final.ipynb": ("hw_1_final", "", "file name"),
}


@pytest.mark.parametrize(("submission", "wanted"), NAMES.items())
def test_student_is_read_from_the_name(submission, wanted):
    assert student_of(submission)[:3] == wanted


def test_canvas_says_who_is_late():
    late = [name for name in NAMES if student_of(name).late]
    assert late == ["lovelaceada_LATE_12345_67890_regularization-2.ipynb"]


@pytest.mark.parametrize(
    "own",
    [
        "bob_1_2_x.ipynb",
        "Bob_1_assignsubmission_file_x.ipynb",
        "submitted/bob/x/x.ipynb",
        "../bob/x.ipynb",
    ],
)
@pytest.mark.parametrize(
    "given_by_others",
    [
        "ada_12345_67890_",
        "Ada Lovelace_12345_assignsubmission_file_/",
        "Ada Lovelace_12345_assignsubmission_file_",
        "submitted/ada/regularization/",
        "ada/",
    ],
)
def test_nobody_hands_in_for_somebody_else(given_by_others, own):
    if not given_by_others.endswith("/"):
        own = own.replace("/", "_")  # a file's name has none
    assert student_of(given_by_others + own).key == student_of(given_by_others + "x.ipynb").key


@given(st.text(min_size=1))
def test_every_name_gives_a_student(name):
    student = student_of(name)
    assert student.source in ("Canvas", "Moodle", "folder", "file name")
    assert student.name or student.id or not name.strip("/.")


def test_submissions_of_one_student_are_found_by_number_not_by_name():
    names = [
        "lovelaceada_12345_67890_a.ipynb",
        "lovelaceada_LATE_12345_67891_b.ipynb",
        "lovelaceada_54321_67892_a.ipynb",  # of the same name
        "12345.ipynb",
    ]
    assert list(repeated(names).values()) == [2, 2, 1, 1]
