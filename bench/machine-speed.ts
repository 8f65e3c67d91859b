const ITEMS = 2000;
const PROBE_MS = 400;

/**
 * How much of one fixed piece of work this machine does in a second of CPU time, now. Machines that share a host are up to a
 * third faster or slower from one minute to the next, with nothing else running on them.
 */
export function machineSpeed(): number {
  const items = Array.from({ length: ITEMS }, (_, index) => ({ name: `item-${(index * 7919) % ITEMS}`, at: [index] }));
  const startUs = cpuUs();
  let rounds = 0;
  while (cpuUs() - startUs < PROBE_MS * 1000) {
    const copy = JSON.parse(JSON.stringify(items)) as typeof items;
    copy.sort((a, b) => (a.name < b.name ? -1 : 1));
    rounds += 1;
  }
  return rounds / ((cpuUs() - startUs) / 1e6);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
