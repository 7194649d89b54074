"""Runs the command line as `python -m worker`."""

from worker.cli.main import main

if __name__ == "__main__":
    main()
