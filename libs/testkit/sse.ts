import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './until.ts';

/** An AG-UI event with the id that a client resumes from. */
export interface Placed {
  readonly id: string;
  readonly event: { readonly type: string; readonly delta?: string; readonly code?: string };
}

/**
 * Reads server-sent events that have a place; a last word that has none is nobody's to resume from and is passed over.
 * @throws Error when the stream breaks or is refused
 */
export async function* readEvents(response: Response): AsyncGenerator<Placed> {
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  let pending = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = `${pending}${chunk}`.split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (id && data) yield { id, event: JSON.parse(data) };
    }
  }
}

/** True once nothing more can follow. */
export const isOver = (events: readonly Placed[]): boolean =>
  ['RUN_FINISHED', 'RUN_ERROR'].includes(events.at(-1)?.event.type ?? '');

/**
 * Follows a run to its end as a client does: opens its stream until it is heard, and again after the last event where it
 * broke. Events are added as they come; `onResume` is told each time that some were there already.
 * @throws Error when it has no end within `withinMs`
 */
export const followToEnd = async (
  events: Placed[],
  open: (lastEventId: string | undefined) => AsyncIterable<Placed>,
  { withinMs, onResume }: { withinMs: number; onResume: () => void },
): Promise<void> => {
  await until(
    'the end of a run',
    async () => {
      const last = events.at(-1);
      if (last) onResume();
      try {
        for await (const placed of open(last?.id)) events.push(placed);
      } catch {
        // The edge is away, or went away midway; all who ask at once again and again keep it from coming back.
        await sleep(100);
      }
      return isOver(events);
    },
    withinMs,
  );
};
