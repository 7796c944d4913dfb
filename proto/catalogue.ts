import * as access from './access.ts';
import * as alert from './alert.ts';
import { authFacts } from './auth.ts';
import * as booking from './booking.ts';
import * as command from './command.ts';
import * as feedback from './feedback.ts';
import * as keys from './keys.ts';
import * as letter from './letter.ts';
import * as privacy from './privacy.ts';
import * as reply from './reply.ts';
import * as retention from './retention.ts';
import * as run from './run.ts';
import * as saga from './saga.ts';
import * as thread from './thread.ts';

/** Every message there is, in the order of a run. */
export const messages = [
  run.requested,
  run.understood,
  run.permitted,
  run.found,
  run.fetched,
  run.answered,
  run.refused,
  run.interrupted,
  run.failed,
  run.cancelled,
  reply.reply,
  thread.asked,
  access.requested,
  access.changed,
  access.refused,
  command.requested,
  command.done,
  command.refused,
  booking.changed,
  booking.agenda,
  saga.due,
  saga.followed,
  saga.ended,
  feedback.given,
  feedback.recorded,
  retention.due,
  retention.idle,
  retention.planned,
  retention.swept,
  privacy.look,
  privacy.moved,
  privacy.notified,
  privacy.late,
  keys.rotated,
  keys.destroyed,
  letter.replayed,
  alert.raised,
  ...authFacts,
] as const;
