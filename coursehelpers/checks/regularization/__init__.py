"""The exercises of the regularization notebook, a module for each of its parts.

Each exercise is a specification of what it expects.
"""

from coursehelpers.checks.regularization import comparison, loss, overfitting, procedure

__all__ = ["comparison", "loss", "overfitting", "procedure"]
