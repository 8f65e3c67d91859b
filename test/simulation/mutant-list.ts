import { CONTROLLER_MUTANTS } from './controller-mutants.ts';
import { MEMBER_MUTANTS } from './member-mutants.ts';
import type { Mutant } from './mutant.ts';
import { PACE_MUTANTS } from './pace-mutants.ts';
import { PLACE_MUTANTS } from './place-mutants.ts';
import { REQUEST_MUTANTS } from './request-mutants.ts';
import { REVISION_MUTANTS } from './revision-mutants.ts';
import { ROLLOUT_MUTANTS } from './rollout-mutants.ts';
import { UNREADABLE_MUTANTS } from './unreadable-mutants.ts';
import { VIEW_MUTANTS } from './view-mutants.ts';

export const MUTANTS: readonly Mutant[] = [
  ...REQUEST_MUTANTS,
  ...ROLLOUT_MUTANTS,
  ...REVISION_MUTANTS,
  ...PACE_MUTANTS,
  ...PLACE_MUTANTS,
  ...MEMBER_MUTANTS,
  ...CONTROLLER_MUTANTS,
  ...VIEW_MUTANTS,
  ...UNREADABLE_MUTANTS,
];
