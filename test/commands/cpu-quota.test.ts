import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpusOfCfs, cpusOfCpuMax, cpusWithin } from '../../src/manager/settings/cpu-quota.ts';

const cpuMax: readonly { text: string; cpus: number | undefined }[] = [
  { text: 'max 100000\n', cpus: undefined },
  { text: '200000 100000\n', cpus: 2 },
  { text: '50000 100000', cpus: 0.5 },
  { text: '250000 100000 0', cpus: 2.5 },
  { text: '0 100000', cpus: undefined },
  { text: '100000 0', cpus: undefined },
  { text: '100000', cpus: undefined },
  { text: '-1 100000', cpus: undefined },
  { text: '', cpus: undefined },
  { text: 'garbage here', cpus: undefined },
];
for (const { text, cpus } of cpuMax) {
  test(`cpu.max: ${JSON.stringify(text)} → ${cpus ?? 'no quota'}`, () => assert.equal(cpusOfCpuMax(text), cpus));
}

const cfs: readonly { quota: string; period: string; cpus: number | undefined }[] = [
  { quota: '-1\n', period: '100000\n', cpus: undefined },
  { quota: '150000\n', period: '100000\n', cpus: 1.5 },
  { quota: '25000', period: '50000', cpus: 0.5 },
  { quota: '', period: '', cpus: undefined },
];
for (const { quota, period, cpus } of cfs) {
  test(`cpu.cfs: ${JSON.stringify(quota)} of ${JSON.stringify(period)} → ${cpus ?? 'no quota'}`, () => {
    assert.equal(cpusOfCfs(quota, period), cpus);
  });
}

const V1_CGROUP = '4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n2:cpuset:/\n0::/system.slice\n';
const machines: readonly { name: string; files: Readonly<Record<string, string>>; cpus: number }[] = [
  { name: 'no control groups', files: {}, cpus: 8 },
  {
    name: 'v2 in a container, its group is the top',
    files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
    cpus: 0.5,
  },
  {
    name: 'v2, a group above is tighter',
    files: {
      '/proc/self/cgroup': '0::/kubepods/pod1/c1\n',
      '/sys/fs/cgroup/kubepods/pod1/c1/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/kubepods/pod1/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/kubepods/cpu.max': '600000 100000\n',
    },
    cpus: 3,
  },
  {
    name: 'v2, more quota than CPUs',
    files: { '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpu.max': '6400000 100000\n' },
    cpus: 8,
  },
  {
    name: 'v1, the host’s path leads nowhere in the container, the top does',
    files: {
      '/proc/self/cgroup': V1_CGROUP,
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    cpus: 1.5,
  },
  {
    name: 'v1 mounted as cpu,cpuacct',
    files: {
      '/proc/self/cgroup': V1_CGROUP,
      '/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us': '400000',
      '/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us': '100000',
    },
    cpus: 4,
  },
  {
    name: 'v1 without a quota',
    files: {
      '/proc/self/cgroup': V1_CGROUP,
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    },
    cpus: 8,
  },
  { name: 'a file that says nothing sensible', files: { '/proc/self/cgroup': 'what\n\n' }, cpus: 8 },
];
for (const { name, files, cpus } of machines) {
  test(`CPUs within quotas: ${name} → ${cpus} of 8`, () => {
    assert.equal(
      cpusWithin(8, (path) => files[path]),
      cpus,
    );
  });
}
