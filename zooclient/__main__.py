"""``python -m zooclient`` is the command line."""

from zooclient.cli.main import main

main()
