import { authn } from './authn.ts';
import { authz } from './authz.ts';
import { cache } from './cache.ts';
import { context } from './context.ts';
import { crypto } from './crypto.ts';
import { dos } from './dos.ts';
import type { Driver } from './driver.ts';
import { dsr } from './dsr.ts';
import { input } from './input.ts';
import { llm } from './llm.ts';
import { mfa } from './mfa.ts';
import { poison } from './poison.ts';
import { redos } from './redos.ts';
import { replay } from './replay.ts';
import { retention } from './retention.ts';
import { sqli } from './sqli.ts';
import { telemetry } from './telemetry.ts';
import { tenant } from './tenant.ts';
import { timing } from './timing.ts';
import { trail } from './trail.ts';

/** Every driver there is. What takes a server away comes last, so that nothing else meets it on its return. */
export const drivers: readonly Driver[] = [
  ...authn,
  ...mfa,
  ...tenant,
  ...context,
  ...replay,
  ...input,
  ...sqli,
  ...llm,
  ...authz,
  ...cache,
  ...crypto,
  ...redos,
  ...timing,
  ...trail,
  ...retention,
  ...poison,
  ...dos,
  ...telemetry,
  // Takes back what a client agreed to, and gives two of them a second factor.
  ...dsr,
];
