"""`python -m coursehelpers COMMAND`: what the command `coursehelpers` does."""

from coursehelpers.cli import main

if __name__ == "__main__":
    main()
