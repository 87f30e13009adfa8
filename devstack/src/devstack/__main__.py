"""`python -m devstack up` runs everything on this machine; `exec` runs something beside it."""

import sys

from devstack.exec_command import run
from devstack.options import Options, parse
from devstack.up import up

if __name__ == "__main__":
    asked = parse()
    sys.exit(up(asked) if isinstance(asked, Options) else run(asked))
