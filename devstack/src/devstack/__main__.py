"""`python -m devstack up` runs everything on this machine."""

import sys

from devstack.options import parse
from devstack.up import up

if __name__ == "__main__":
    sys.exit(up(parse()))
