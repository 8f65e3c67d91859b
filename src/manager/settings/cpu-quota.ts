/**
 * How many CPUs a process may use at once under the quota of its control group; a fraction, unlike
 * `os.availableParallelism()`, which knows the CPUs a process may run on and (libuv since 1.49) quotas, but cuts 2.5 to 2 and does
 * not count a quota below one CPU at all: under `cpu: 500m` it answers with all CPUs of the machine. Pure.
 */

/** cgroup v2, `cpu.max`: "quota period" in microseconds, or "max period". Undefined without a quota. */
export function cpusOfCpuMax(text: string): number | undefined {
  const [quota = '', period = ''] = text.trim().split(/\s+/);
  return quotient(quota, period);
}

/** cgroup v1, `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a quota of -1 is none. */
export function cpusOfCfs(quotaUs: string, periodUs: string): number | undefined {
  return quotient(quotaUs.trim(), periodUs.trim());
}

function quotient(quota: string, period: string): number | undefined {
  if (!/^\d{1,15}$/.test(quota) || !/^\d{1,15}$/.test(period)) return undefined;
  const cpus = Number(quota) / Number(period);
  return cpus > 0 && Number.isFinite(cpus) ? cpus : undefined;
}

const MOUNT = '/sys/fs/cgroup';
/** Distributions mount the controllers of version 1 under different names. */
const V1_MOUNTS = [`${MOUNT}/cpu`, `${MOUNT}/cpu,cpuacct`, `${MOUNT}/cpuacct,cpu`];

export interface QuotaFiles {
  /** A file of version 2. */
  readonly max?: string;
  /** Two files of version 1. */
  readonly cfs?: { readonly quota: string; readonly period: string };
}

/**
 * Where the quota of a process may be, by its `/proc/self/cgroup`: in its own group and in every one above, since the tightest
 * counts. The top is always listed: there a container finds its own group, whatever path it is told.
 */
function quotaFiles(procCgroup: string): readonly QuotaFiles[] {
  const files: QuotaFiles[] = [];
  for (const line of procCgroup.split('\n')) {
    const [, id = '', controllers = '', path = ''] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === '0' && controllers === '') {
      for (const group of withParents(path)) files.push({ max: `${MOUNT}${group}/cpu.max` });
    } else if (controllers.split(',').includes('cpu')) {
      for (const mount of V1_MOUNTS) for (const group of withParents(path)) files.push({ cfs: cfsIn(mount + group) });
    }
  }
  return files;
}

function cfsIn(folder: string): { readonly quota: string; readonly period: string } {
  return { quota: `${folder}/cpu.cfs_quota_us`, period: `${folder}/cpu.cfs_period_us` };
}

/** `/a/b` → `/a/b`, `/a`, and the top as ''. */
function withParents(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  return [...names.map((_, index) => `/${names.slice(0, names.length - index).join('/')}`), ''];
}

/** The least of what the scheduler offers and of all quotas. `readText`: undefined for a file that is not there. */
export function cpusWithin(parallelism: number, readText: (path: string) => string | undefined): number {
  let cpus = parallelism;
  for (const { max, cfs } of quotaFiles(readText('/proc/self/cgroup') ?? '')) {
    const quota =
      max === undefined
        ? cpusOfCfs(readText(cfs?.quota ?? '') ?? '', readText(cfs?.period ?? '') ?? '')
        : cpusOfCpuMax(readText(max) ?? '');
    cpus = Math.min(cpus, quota ?? cpus);
  }
  return cpus;
}
