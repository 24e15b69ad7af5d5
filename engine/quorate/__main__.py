"""``python -m quorate`` is the command line."""

from quorate.face.cli import main

main()
