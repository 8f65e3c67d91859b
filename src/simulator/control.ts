import type { AccessPolicy, Forbidden } from './access.ts';
import type { SimulatedCluster } from './cluster.ts';
import type { Face } from './face.ts';
import { type FaultPlanner, type FaultRates, NO_FAULTS } from './faults.ts';
import type { ObserverReport } from './observer.ts';
import type { AvailabilityReport } from './observer-availability.ts';
import type { Trouble } from './pod-status.ts';
import type { Scenario } from './scenario.ts';

/** What a simulator's owner may wait for. */
export type Condition =
  /** Every eligible Ready node of all DaemonSets of the scenario is updated and available. */
  | { readonly condition: 'rolled-out' }
  /** At least so many watches are open. */
  | { readonly condition: 'watches'; readonly count: number }
  /** At least so many deletions and patches of pods were applied. */
  | { readonly condition: 'writes'; readonly count: number };

export interface SimulatorStatistics {
  readonly nowMs: number;
  readonly revision: number;
  readonly openWatches: number;
  readonly requests: Readonly<Record<string, number>>;
  /** Nodes that will go or come back by the scenario's plan. */
  readonly pendingNodeChanges: number;
}

interface ControlParts {
  readonly scenario: Scenario;
  readonly face: Face;
  readonly faults: FaultPlanner;
  readonly access: AccessPolicy;
}

/** What can be done to a running simulator; its methods are called from the other thread by name. */
export class SimulatorControl {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  get #cluster(): SimulatedCluster {
    const { cluster } = this.#parts.scenario;
    cluster.advanceTo(this.#parts.face.nowMs());
    return cluster;
  }

  /** Changes the templates and sets going what happens to nodes; returns the DaemonSets as `namespace/name`. */
  startRollout(): readonly string[] {
    void this.#cluster;
    this.#parts.scenario.start();
    return this.#parts.scenario.daemonSets;
  }

  updateTemplate(daemonSet: string, image: string): void {
    this.#cluster.updateTemplate(daemonSet, image);
  }

  annotateDaemonSet(daemonSet: string, annotations: Readonly<Record<string, string>>): void {
    this.#cluster.annotateDaemonSet(daemonSet, annotations);
  }

  deleteDaemonSet(daemonSet: string): void {
    this.#cluster.deleteDaemonSet(daemonSet);
  }

  setNodeReady(node: string, isReady: boolean): void {
    this.#cluster.setNodeReady(node, isReady);
  }

  setCordoned(node: string, isCordoned: boolean): void {
    this.#cluster.setCordoned(node, isCordoned);
  }

  deleteNode(node: string): void {
    this.#cluster.deleteNode(node);
  }

  setBadImage(node: string, image: string, trouble: Trouble | undefined): void {
    this.#cluster.setBadImage(node, image, trouble);
  }

  setStuckTerminating(node: string, isStuck: boolean): void {
    this.#cluster.kubelets.setStuckTerminating(node, isStuck);
  }

  /** Forgets the history so far: watches and pages that are behind get 410. */
  compact(): void {
    const cluster = this.#cluster;
    cluster.store.compact(cluster.store.revision);
  }

  /** Ends all watches, as a restart of the API server does. */
  endWatches(): void {
    this.#cluster.api.endWatches();
  }

  sendBookmarks(): void {
    this.#cluster.api.sendBookmarks();
  }

  setFaults(rates: Partial<FaultRates>): void {
    this.#parts.faults.setRates({ ...NO_FAULTS, ...rates });
  }

  /** Only these bearer tokens are accepted from now on; undefined: anybody is. */
  setTokens(tokens: readonly string[] | undefined): void {
    this.#parts.access.tokens = tokens;
  }

  setForbidden(forbidden: readonly Forbidden[]): void {
    this.#parts.access.forbidden = forbidden;
  }

  /** How the DaemonSets fare; cheap enough to call ten times a second. */
  progress(): readonly AvailabilityReport[] {
    return this.#cluster.observer.availability.report();
  }

  report(): ObserverReport {
    return this.#cluster.observer.report();
  }

  statistics(): SimulatorStatistics {
    const cluster = this.#cluster;
    const { revision } = cluster.store;
    const requests = this.#parts.face.requestCounts();
    const { openWatches } = cluster.api;
    const pendingNodeChanges = this.#parts.scenario.pendingNodeChanges();
    return { nowMs: cluster.nowMs, revision, openWatches, requests, pendingNodeChanges };
  }

  isMet(wanted: Condition): boolean {
    switch (wanted.condition) {
      case 'rolled-out': {
        const { daemonSets } = this.#parts.scenario;
        const reports = this.progress().filter((report) => daemonSets.includes(report.daemonSet));
        return reports.every((report) => {
          const isKnown = report.startedAtMs !== undefined && report.isNewRevisionKnown;
          return isKnown && report.updated === report.eligibleReady;
        });
      }
      case 'watches':
        return this.#cluster.api.openWatches >= wanted.count;
      case 'writes': {
        const { deletes, patches } = this.report();
        return deletes + patches >= wanted.count;
      }
      default:
        return wanted satisfies never;
    }
  }
}

/** The control as it looks from another thread. */
export type RemoteControl = {
  readonly [Name in keyof SimulatorControl]: (
    ...values: Parameters<SimulatorControl[Name]>
  ) => Promise<ReturnType<SimulatorControl[Name]>>;
};

export interface ControlCall {
  readonly id: number;
  readonly method: string;
  readonly values: readonly unknown[];
}

export type ControlAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };
