"""Graded checks: the student's verbs, and one module of exercises per notebook.

>>> from coursehelpers.checks import check, hint, quiz, score, solution
"""

from coursehelpers.checks import data_augmentation, regularization, transfer_learning
from coursehelpers.checks.display import check, hint, score, solution
from coursehelpers.checks.quiz import quiz

__all__ = [
    "check",
    "data_augmentation",
    "hint",
    "quiz",
    "regularization",
    "score",
    "solution",
    "transfer_learning",
]
