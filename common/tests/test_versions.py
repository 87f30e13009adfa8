"""Every copy follows its aggregate by one rule."""

import pytest

from common.contracts.versions import VersionCheck, check_version


@pytest.mark.parametrize(
    ("version", "onto", "event", "snapshot"),
    [
        (0, None, VersionCheck.NEXT, VersionCheck.NEXT),
        (1, None, VersionCheck.GAP, VersionCheck.NEXT),
        (0, 0, VersionCheck.DUPLICATE, VersionCheck.NEXT),
        (1, 0, VersionCheck.NEXT, VersionCheck.NEXT),
        (2, 0, VersionCheck.GAP, VersionCheck.NEXT),
        (4, 5, VersionCheck.DUPLICATE, VersionCheck.DUPLICATE),
        (5, 5, VersionCheck.DUPLICATE, VersionCheck.NEXT),
        (6, 5, VersionCheck.NEXT, VersionCheck.NEXT),
        (7, 5, VersionCheck.GAP, VersionCheck.NEXT),
    ],
)
def test_versions_apply_in_order_and_snapshots_unless_older(
    version: int, onto: int | None, event: VersionCheck, snapshot: VersionCheck
) -> None:
    assert check_version(version, onto=onto, snapshot=None) is event
    assert check_version(version, onto=onto, snapshot=True) is snapshot
