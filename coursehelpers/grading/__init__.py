"""Grade submitted notebooks: the student's kernel only gives answers, the verdict is reached here.

>>> from coursehelpers.grading import load_results
"""

from coursehelpers.grading.frame import load_results

__all__ = ["load_results"]
