import * as access from './access.ts';
import { authFacts } from './auth.ts';
import * as keys from './keys.ts';
import * as reply from './reply.ts';
import * as retention from './retention.ts';
import * as run from './run.ts';

/** Every message there is, in the order of a run. */
export const messages = [
  run.requested,
  run.understood,
  run.permitted,
  run.fetched,
  run.answered,
  run.refused,
  run.failed,
  run.cancelled,
  reply.reply,
  access.requested,
  access.changed,
  access.refused,
  retention.due,
  retention.swept,
  keys.rotated,
  keys.destroyed,
  ...authFacts,
] as const;
