"""`python -m serving` is the command `forewarn`."""

from serving.cli.main import main

if __name__ == "__main__":
    main()
