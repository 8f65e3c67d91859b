import { readFile } from 'node:fs/promises';
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { KUBELET_LABEL } from '../control-plane/kwok-config.ts';
import { conformanceSuite } from './suite.ts';

let plane: ControlPlane | undefined;

conformanceSuite({
  name: 'kube-apiserver',
  suffix: 'a',
  start: async () => {
    const started = await startControlPlane({ startupMs: 100 });
    plane = started;
    const rows = (await readFile(started.files.tokens, 'utf8')).split('\n');
    const admin = rows.find((row) => row.includes(',test:admin,'))?.split(',')[0] ?? '';
    const authorization = `Bearer ${admin}`;
    return {
      name: 'kube-apiserver',
      url: started.serverUrl,
      headers: { authorization },
      caPem: started.caPem,
      nodeLabels: { [KUBELET_LABEL]: 'running' },
      // The server's cache of events outlives a compaction, until it is restarted.
      compact: async () => {
        await started.compact();
        await started.restart('kube-apiserver');
      },
      sendBookmarks: 'it sends bookmarks about once a minute, and not when asked',
      restricted: { authorization, 'impersonate-user': 'nobody-in-particular' },
    };
  },
  stop: async () => await plane?.stop(),
});
