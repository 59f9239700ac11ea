"""``python -m carbonize`` is the ``carbonize`` command."""

from carbonize.cli.app import main

if __name__ == "__main__":
    main()
