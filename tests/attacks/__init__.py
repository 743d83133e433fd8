"""Attacks on grading, a notebook each, and a naive grader that proves them real."""
