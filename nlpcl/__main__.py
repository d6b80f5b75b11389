"""Entry point of ``python -m nlpcl``."""

from nlpcl.cli import main

if __name__ == "__main__":
    main()
