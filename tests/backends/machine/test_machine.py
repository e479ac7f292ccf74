"""What this process may still take: the least of what the machine and every group that it is in have left."""

import os
from types import SimpleNamespace

import psutil
import pytest

from backends.machine import memory
from backends.machine.memory import available_bytes, cpu_count, limit_bytes, process_bytes, total_bytes

MIB = 1 << 20
V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/memory"
NO_LIMIT_V1 = 9223372036854771712


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes a tree of small files: a machine with 8000 MiB available and whatever else is given by path."""

    def build(files, available_kib=8000 * 1024):
        meminfo = f"MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:   {available_kib} kB\n"
        for path, text in {"proc/meminfo": meminfo, **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(str(text))
        monkeypatch.setattr(memory, "ROOT", tmp_path)

    return build


def v2_group(path, limit, current, inactive=0, active=0):
    stat = f"anon 999\nfile 888\nshmem 777\ninactive_anon 1\nactive_anon 2\ninactive_file {inactive}\n"
    place = f"{V2}/{path}".rstrip("/")
    return {
        f"{place}/memory.max": f"{limit}\n",
        f"{place}/memory.current": f"{current}\n",
        f"{place}/memory.stat": f"{stat}active_file {active}\n",
    }


def v1_group(path, limit, usage, inactive=0, active=0):
    stat = f"cache 5\ninactive_file 6\nactive_file 7\ntotal_inactive_file {inactive}\ntotal_active_file {active}\n"
    place = f"{V1}/{path}".rstrip("/")
    return {
        f"{place}/memory.limit_in_bytes": f"{limit}\n",
        f"{place}/memory.usage_in_bytes": f"{usage}\n",
        f"{place}/memory.stat": stat,
    }


def test_without_groups_the_machine_counts(machine):
    machine({})
    assert available_bytes() == 8000 * MIB


@pytest.mark.parametrize(("limit", "size"), [("max", 16_000_000 * 1024), (1000, 1000), (10**15, 16_000_000 * 1024)])
def test_the_limit_is_the_lowest_of_machine_and_groups(machine, limit, size):
    machine({"proc/self/cgroup": "0::/app\n", **v2_group("app", limit, 500)})
    assert limit_bytes() == size


def test_unknown_sizes_are_none(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    assert available_bytes() is None
    assert limit_bytes() is None
    assert process_bytes("VmRSS") is None


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_another_system_says_what_it_has(tmp_path, monkeypatch, system):
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr("sys.platform", system)
    sizes = SimpleNamespace(total=16_000 * MIB, available=9_000 * MIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: sizes)
    assert (total_bytes(), limit_bytes(), available_bytes()) == (16_000 * MIB, 16_000 * MIB, 9_000 * MIB)


def test_a_limit_without_meminfo_still_counts(machine):
    machine({"proc/self/cgroup": "0::/\n", **v2_group("", 1000, 400)}, available_kib="?")
    assert available_bytes() == 600


def test_v2_own_group_with_file_pages_given_back(machine):
    files = {"proc/self/cgroup": "0::/app\n", **v2_group("app", 4000 * MIB, 3000 * MIB, 500 * MIB, 700 * MIB)}
    machine(files)
    assert available_bytes() == (4000 - 3000 + 500 + 700) * MIB


@pytest.mark.parametrize("tightest", ["a", "a/b", "a/b/c"])
def test_v2_the_tightest_group_on_the_way_up_counts(machine, tightest):
    files = {"proc/self/cgroup": "0::/a/b/c\n"}
    for path in ("a", "a/b", "a/b/c"):
        files |= v2_group(path, (1000 if path == tightest else 3000) * MIB, 100 * MIB)
    machine(files)
    assert available_bytes() == 900 * MIB


def test_v2_max_is_no_limit(machine):
    files = {"proc/self/cgroup": "0::/app\n", **v2_group("app", "max", 9000 * MIB)}
    machine(files)
    assert available_bytes() == 8000 * MIB


def test_the_machine_counts_if_it_has_less_than_the_group(machine):
    files = {"proc/self/cgroup": "0::/app\n", **v2_group("app", 100_000 * MIB, 0)}
    machine(files)
    assert available_bytes() == 8000 * MIB


def test_a_group_over_its_limit_has_nothing_left(machine):
    files = {"proc/self/cgroup": "0::/app\n", **v2_group("app", 1000, 1500)}
    machine(files)
    assert available_bytes() == 0


@pytest.mark.parametrize("path", ["/", "/docker/0123abc", "/../../system.slice/x", ""])
def test_in_a_container_the_mount_is_the_group(machine, path):
    """The path is the host's, or hidden: it may not exist here, and `..` must not lead out of the tree."""
    files = {"proc/self/cgroup": f"0::{path}\n", **v2_group("", 2000 * MIB, 500 * MIB)}
    machine(files)
    assert available_bytes() == 1500 * MIB


def test_a_path_never_leads_out_of_the_tree(machine):
    files = {"proc/self/cgroup": "0::/../../tight\n", "sys/tight/memory.max": 10, "sys/tight/memory.current": 1}
    machine({**files, **v2_group("", "max", 1)})
    assert available_bytes() == 8000 * MIB


def test_v1_own_group_and_parents(machine):
    files = {
        "proc/self/cgroup": "12:pids:/x\n4:cpu,memory:/docker/1\n1:name=systemd:/\n0::/\n",
        **v1_group("docker/1", 3000 * MIB, 2000 * MIB, 300 * MIB, 50 * MIB),
        **v1_group("docker", 5000 * MIB, 2000 * MIB),
        **v1_group("", NO_LIMIT_V1, 7000 * MIB),
    }
    machine(files)
    assert available_bytes() == (3000 - 2000 + 300 + 50) * MIB


@pytest.mark.parametrize("path", ["/", "/docker/of-the-host"])
def test_v1_in_a_container(machine, path):
    files = {"proc/self/cgroup": f"4:memory:{path}\n", **v1_group("", 1200 * MIB, 200 * MIB)}
    machine(files)
    assert available_bytes() == 1000 * MIB


def test_v1_without_a_limit(machine):
    files = {"proc/self/cgroup": "4:memory:/\n", **v1_group("", NO_LIMIT_V1, 9000 * MIB)}
    machine(files)
    assert available_bytes() == 8000 * MIB
    machine(files, available_kib="?")
    assert available_bytes() is None


def test_the_cgroup_of_another_controller_is_not_read(machine):
    files = {"proc/self/cgroup": "4:cpuset:/tight\n", **v1_group("tight", 10, 1)}
    machine(files)
    assert available_bytes() == 8000 * MIB


def test_hybrid_trees_are_found(machine):
    files = {"proc/self/cgroup": "0::/app\n"}
    files |= {key.replace(V2, f"{V2}/unified"): text for key, text in v2_group("app", 50 * MIB, 10 * MIB).items()}
    machine(files)
    assert available_bytes() == 40 * MIB


def test_the_real_machine_and_process_have_numbers():
    assert available_bytes() > 100 * MIB
    resident, most = process_bytes("VmRSS"), process_bytes("VmHWM")
    assert 10 * MIB < resident <= most
    assert 0 < process_bytes("RssAnon") <= most
    assert process_bytes("VmNothing") is None


# ---- cores


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


def test_without_a_quota_all_cores_that_it_may_run_on_count(machine, monkeypatch):
    for count in (1, 3, 8):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, count=count: set(range(count)))
        machine({})
        assert cpu_count() == count


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("max 100000", 8), ("1600000 100000", 8),
     ("", 8), ("nonsense", 8), ("5 0", 8)],
)  # fmt: skip
def test_v2_a_quota_is_rounded_up(machine, eight_cores, quota, cores):
    files = {"proc/self/cgroup": "0::/app\n", f"{V2}/app/cpu.max": f"{quota}\n"}
    machine(files)
    assert cpu_count() == cores


@pytest.mark.parametrize("tightest", ["", "a", "a/b", "a/b/c"])
def test_v2_the_tightest_quota_on_the_way_up_counts(machine, eight_cores, tightest):
    files = {"proc/self/cgroup": "0::/a/b/c\n"}
    for path in ("", "a", "a/b", "a/b/c"):
        files[f"{V2}/{path}/cpu.max"] = f"{300000 if path == tightest else 600000} 100000\n"
    machine(files)
    assert cpu_count() == 3


@pytest.mark.parametrize("path", ["/", "/docker/of-the-host", "/../../x"])
def test_v2_cores_in_a_container(machine, eight_cores, path):
    machine({"proc/self/cgroup": f"0::{path}\n", f"{V2}/cpu.max": "200000 100000\n"})
    assert cpu_count() == 2


@pytest.mark.parametrize(("quota", "cores"), [("250000", 3), ("-1", 8), ("50000", 1)])
@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_v1_quota_and_period_are_files(machine, eight_cores, quota, cores, mount, controllers):
    place = f"sys/fs/cgroup/{mount}/docker"
    files = {
        "proc/self/cgroup": f"4:memory:/tight\n3:{controllers}:/docker/1\n0::/\n",
        f"{place}/cpu.cfs_quota_us": f"{quota}\n",
        f"{place}/cpu.cfs_period_us": "100000\n",
        f"{place}/1/cpu.cfs_quota_us": "-1\n",
        f"{place}/1/cpu.cfs_period_us": "100000\n",
    }
    machine(files)
    assert cpu_count() == cores


def test_cpusets_and_accounting_are_no_quota(machine, eight_cores):
    files = {
        "proc/self/cgroup": "4:cpuset:/tight\n5:cpuacct:/tight\n",
        "sys/fs/cgroup/cpu/tight/cpu.cfs_quota_us": "100000\n",
        "sys/fs/cgroup/cpu/tight/cpu.cfs_period_us": "100000\n",
    }
    machine(files)
    assert cpu_count() == 8


def test_where_the_system_does_not_say_all_cores_count(machine, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    machine({})
    assert cpu_count() == 6


def test_the_real_machine_has_cores():
    assert 1 <= cpu_count() <= os.cpu_count()
