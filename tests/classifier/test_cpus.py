"""The number of processes to start is what the container may use, not what the machine has."""

import os

import pytest

from pipeline.classifier.cpus import usable_cpus


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine of 16 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def write(root, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_affinity_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    assert usable_cpus(tmp_path) == 2


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 16), ("200000 100000", 2), ("250000 100000", 3), ("10000 100000", 1), ("9999999 100000", 16)],
)
def test_a_quota_of_version_2_limits_and_is_rounded_up(tmp_path, quota, expected):
    write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota + "\n"})
    assert usable_cpus(tmp_path) == expected


def test_the_smallest_quota_of_the_groups_around_counts(tmp_path):
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pods/pod/container\n",
            "sys/fs/cgroup/pods/cpu.max": "800000 100000",
            "sys/fs/cgroup/pods/pod/cpu.max": "300000 100000",
            "sys/fs/cgroup/pods/pod/container/cpu.max": "max 100000",
        },
    )
    assert usable_cpus(tmp_path) == 3


def test_a_path_of_the_host_falls_back_to_the_root_of_the_container(tmp_path):
    write(tmp_path, {"proc/self/cgroup": "0::/kubepods/nowhere\n", "sys/fs/cgroup/cpu.max": "400000 100000"})
    assert usable_cpus(tmp_path) == 4


@pytest.mark.parametrize(("quota", "expected"), [("-1", 16), ("150000", 2)])
def test_a_quota_of_version_1_limits(tmp_path, quota, expected):
    write(
        tmp_path,
        {
            "proc/self/cgroup": "12:memory:/a\n4:cpu,cpuacct:/docker/x\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": quota,
            "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
        },
    )
    assert usable_cpus(tmp_path) == expected


def test_nonsense_in_a_control_group_limits_nothing(tmp_path):
    write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "many few"})
    assert usable_cpus(tmp_path) == 16
