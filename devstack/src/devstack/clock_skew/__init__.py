"""Python processes whose machine's clock is wrong: a test build of whatever reads `time.time`.

Services have no such setting. Python itself imports `sitecustomize` when it starts, from the folder
that these variables put on its path.
"""

import os
from pathlib import Path
from typing import Final

from devstack.settings import InheritedEnvironment

AHEAD: Final = "CLOCK_AHEAD_SECONDS"


def by(seconds: float) -> dict[str, str]:
    """The variables that put the wall clock of a process ahead by so much, or behind if negative.

    What it imports from the launcher's own PYTHONPATH it imports all the same.
    """
    folders = filter(None, [str(Path(__file__).parent), InheritedEnvironment().pythonpath])
    return {"PYTHONPATH": os.pathsep.join(folders), AHEAD: str(seconds)}
