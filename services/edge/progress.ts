import { type Event, EventType, type Message } from '@ag-ui/core';
import type { Progressing } from '@jangada/runtime/stored.ts';

/** What a run has come to, as AG-UI's state and as an activity of it. Pure, so that any replica tells the same. */

type Document = Readonly<Record<string, unknown>>;
/** Of RFC 6902, on names that need no escaping. */
type Delta = { op: 'add' | 'replace'; path: string; value: unknown }[];

/** A document that grows: the first of it is told whole, and then what differs. */
const openDocument = (whole: (now: Document) => Event, part: (delta: Delta) => Event) => {
  let now: Document | undefined;
  return {
    now: () => now,
    become: (next: Document): Event[] => {
      const before = now;
      now = { ...before, ...next };
      if (!before) return [whole(now)];
      const delta = Object.entries(next)
        .filter(([name, value]) => before[name] !== value)
        .map(([name, value]) => ({
          op: name in before ? ('replace' as const) : ('add' as const),
          path: `/${name}`,
          value,
        }));
      return delta.length > 0 ? [part(delta)] : [];
    },
  };
};

/** How a run says what it has come to. */
export interface Advancing {
  tell(part: Progressing): Event[];
  /** What changes when the run is over. */
  end(outcome: string): Event[];
  /** The state as it is; undefined where nobody wants it told. */
  state(): Document | undefined;
  /** The activity as it is, as a message of the conversation. */
  activity(): Extract<Message, { role: 'activity' }> | undefined;
}

/** What the reading of rows is called as an activity. */
export const activityType = 'search';

export const advancing = (runId: string): Advancing => {
  const messageId = `${runId}-search`;
  const reached = new Set<string>();
  const state = openDocument(
    (snapshot) => ({ type: EventType.STATE_SNAPSHOT, snapshot }),
    (delta) => ({ type: EventType.STATE_DELTA, delta }),
  );
  const activity = openDocument(
    (content) => ({ type: EventType.ACTIVITY_SNAPSHOT, messageId, activityType, content }),
    (patch) => ({ type: EventType.ACTIVITY_DELTA, messageId, activityType, patch }),
  );

  return {
    tell: (part) => {
      // Told again by a hop that was delivered the run again, it may be behind what others have told since.
      const said = part.type === 'state' ? `state ${part.hop}` : `activity ${part.status}`;
      if (reached.has(said)) return [];
      reached.add(said);
      if (part.type === 'state') return state.become({ step: part.hop, ...part.progress });
      const { intent: _, confidence: _sure, ...read } = part.progress;
      return activity.become({ status: part.status, ...read });
    },
    end: (outcome) => [
      ...(activity.now()?.['status'] === 'reading' ? activity.become({ status: 'stopped' }) : []),
      ...(state.now() ? state.become({ outcome }) : []),
    ],
    state: state.now,
    activity: () => {
      const content = activity.now();
      return content && { id: messageId, role: 'activity', activityType, content };
    },
  };
};

/** How far a run came. */
export const advanced = (
  runId: string,
  {
    progress = [],
    end,
  }: { readonly progress?: readonly Progressing[]; readonly end?: { readonly type: string } | undefined },
): Advancing => {
  const run = advancing(runId);
  for (const part of progress) run.tell(part);
  if (end) run.end(end.type);
  return run;
};
