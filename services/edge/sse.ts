import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { EventEncoder } from '@ag-ui/encoder';
import type { FastifyReply } from 'fastify';
import type { Run } from './admission.ts';
import type { Placed } from './agui.ts';
import { readWithinMs } from './bounds.ts';

/** Server-sent events of runs. */
export interface Streams {
  /**
   * Writes a run's events until its end or until the client goes away; the run itself goes on. `name` is what the
   * client calls the run: with the event's place it makes the id that a client resumes from.
   */
  send(reply: FastifyReply, run: Run, name: string, events: AsyncIterable<readonly Placed[]>): Promise<void>;
  close(): void;
}

const silenceMs = 15_000;
const lookMs = 1_000;
const encoder = new EventEncoder();

/** The events of one reply, as one piece for the wire. */
export const encode = (name: string, events: readonly Placed[]): string =>
  events
    .map(({ seq, event }) => `${seq === undefined ? '' : `id: ${name}:${seq}\n`}${encoder.encodeSSE(event)}`)
    .join('');

/** The place that a client saw last, as `Last-Event-ID` or `?after=` say it. */
export const placeOf = (id: string | undefined): number => {
  const place = Number(id?.slice(id.lastIndexOf(':') + 1));
  return Number.isSafeInteger(place) && place > 0 ? place : 0;
};

export const openStreams = (): Streams => {
  const wroteAt = new Map<ServerResponse, number>();
  // Proxies cut what is silent. A comment is no event, so no client has to know it.
  const timer = setInterval(() => {
    const now = Date.now();
    for (const [raw, at] of wroteAt) {
      if (now - at < silenceMs) continue;
      raw.write(': keep-alive\n\n');
      wroteAt.set(raw, now);
    }
  }, lookMs).unref();

  return {
    send: async (reply, run, name, events) => {
      reply.hijack();
      const { raw } = reply;
      raw.once('close', run.stop);
      if (raw.closed) run.stop();
      raw.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
      try {
        for await (const group of events) {
          wroteAt.set(raw, Date.now());
          // Header, events and end of a short answer leave in one piece.
          raw.cork();
          setImmediate(() => raw.uncork());
          if (group.length === 0 || raw.write(encode(name, group))) continue;
          // The run is stored: who does not read for so long comes back with `Last-Event-ID`.
          const patience = setTimeout(() => raw.destroy(), readWithinMs);
          await Promise.race([once(raw, 'drain'), once(raw, 'close')]);
          clearTimeout(patience);
        }
      } finally {
        wroteAt.delete(raw);
        raw.end();
      }
    },
    close: () => clearInterval(timer),
  };
};
