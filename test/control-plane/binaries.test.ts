import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BINARY_NAMES, findBinaries } from './binaries.ts';
import { BinariesMissingError } from './go-programs.ts';

describe('binaries of the control plane', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daemonpodupdater-assets-'));
  });
  after(async () => await rm(folder, { recursive: true }));

  it('KUBEBUILDER_ASSETS: only what envtest has → the error names the missing ones', async () => {
    for (const name of ['etcd', 'kube-apiserver']) await writeFile(join(folder, name), '', { mode: 0o755 });
    await assert.rejects(findBinaries({ env: { KUBEBUILDER_ASSETS: folder } }), (error) => {
      assert.ok(error instanceof BinariesMissingError);
      assert.match(error.message, /lacks kube-controller-manager, kube-scheduler, kwok\./);
      return true;
    });
  });

  it('KUBEBUILDER_ASSETS: all programs → their paths', async () => {
    for (const name of BINARY_NAMES) await writeFile(join(folder, name), '', { mode: 0o755 });
    const binaries = await findBinaries({ env: { KUBEBUILDER_ASSETS: folder } });
    assert.equal(binaries.kwok, join(folder, 'kwok'));
  });

  it('neither programs nor Go → the error says what to install or set', async () => {
    await assert.rejects(findBinaries({ env: { PATH: folder }, goFolders: [] }), (error) => {
      assert.ok(error instanceof BinariesMissingError);
      assert.match(error.message, /install Go .* or set KUBEBUILDER_ASSETS/);
      return true;
    });
  });
});
