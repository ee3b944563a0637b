"""``python -m tradeplane_cli``: the command where its script is not on PATH."""

from tradeplane_cli.main import main

main()
