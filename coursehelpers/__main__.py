"""`python -m coursehelpers grade`: what the command `coursehelpers` does."""

from coursehelpers.grading.cli import main

if __name__ == "__main__":
    main()
