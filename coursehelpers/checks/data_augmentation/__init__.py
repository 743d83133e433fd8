"""The exercises of the data augmentation notebook, a module for each of its parts.

Each exercise is a specification of what it expects; `questions` holds the quiz.
"""

from coursehelpers.checks.data_augmentation import copies, mixing, photos, questions

__all__ = ["copies", "mixing", "photos", "questions"]
