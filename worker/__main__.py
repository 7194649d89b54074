"""`python -m worker`: the command line."""

from worker.cli.main import main

if __name__ == "__main__":
    main()
