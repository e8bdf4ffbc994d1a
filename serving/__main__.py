"""`python -m serving` is the command `forewarn`."""

from serving.cli import main

if __name__ == "__main__":
    main()
