"""How many processors this process may use, as containers and schedulers limit them."""

import math
import os
from pathlib import Path


def usable_cpus(root: Path = Path("/")) -> int:
    """Return the processors that affinity and the quotas of control groups leave, at least 1.

    A quota of two and a half processors counts as three: that many threads can use it up.

    Args:
        root: where ``proc`` and ``sys`` lie.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min([affinity, *(math.ceil(quota) for quota in _quotas(root))]), 1)


def _quotas(root: Path) -> list[float]:
    """Return the quotas, in processors, of this process's control group and of all groups around it."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return []
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        # Version 2 has one tree and no name for it; version 1 has a tree per set of controllers.
        if controllers and "cpu" not in controllers.split(","):
            continue
        tree = root / "sys/fs/cgroup" / controllers
        group = tree / path.strip("/")
        # Inside a container the path may be that of the host, where nothing lies: its own group is then the root of the tree.
        for folder in (group, *group.parents):
            quotas += [quota for quota in (_quota(folder),) if quota is not None]
            if folder == tree:
                break
    return quotas


def _quota(folder: Path) -> float | None:
    """Return the quota that one control group sets, if it sets any."""
    try:
        if (folder / "cpu.max").is_file():  # version 2: "150000 100000", or "max 100000"
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return float(quota) / float(period) if quota != "max" and float(quota) > 0 else None
    except (OSError, ValueError):
        return None
