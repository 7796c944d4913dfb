import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { EventType } from '@ag-ui/core';
import { textOf } from '@jangada/proto/errors.ts';
import type { FastifyReply } from 'fastify';
import type { Run } from './admission.ts';
import type { Placed } from './agui.ts';
import { readWithinMs } from './bounds.ts';
import { type Format, text } from './format.ts';

/** Streams of runs over HTTP. */
export interface Streams {
  /**
   * Writes a run's events until its end or until the client goes away; the run itself goes on. `name` is what the
   * client calls the run: with the event's place it makes the id that a client resumes from.
   */
  send(
    reply: FastifyReply,
    run: Run,
    name: string,
    events: AsyncIterable<readonly Placed[]>,
    format?: Format,
  ): Promise<void>;
  close(): void;
}

/** The place that a client saw last, as `Last-Event-ID` or `?after=` say it. */
export const placeOf = (id: string | undefined): number => {
  const place = Number(id?.slice(id.lastIndexOf(':') + 1));
  return Number.isSafeInteger(place) && place > 0 ? place : 0;
};

/** When each stream is due for a sign of life. */
interface Silence {
  /** At most the silence that is allowed, and not the same for all: who connected together does not wake together. */
  readonly ms: number;
  since: number;
}

export const openStreams = (silenceMs = 15_000): Streams => {
  const silences = new Map<ServerResponse, Silence>();
  // Proxies cut what is silent. A comment is no event, so no client has to know it.
  const timer = setInterval(() => {
    const now = Date.now();
    for (const [raw, silence] of silences) {
      if (now - silence.since < silence.ms) continue;
      raw.write(': keep-alive\n\n');
      silence.since = now;
    }
  }, silenceMs / 15).unref();

  return {
    send: async (reply, run, name, events, format = text) => {
      reply.hijack();
      const { raw } = reply;
      raw.once('close', run.stop);
      if (raw.closed) run.stop();
      raw.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        'content-type': format.type,
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
      // Header, events and end of a short answer leave in one piece.
      const together = (): void => {
        raw.cork();
        setImmediate(() => raw.uncork());
      };
      together();
      raw.flushHeaders();
      const silence = { ms: silenceMs * (0.8 + 0.2 * Math.random()), since: Date.now() };
      if (format.comments) silences.set(raw, silence);
      try {
        for await (const group of events) {
          silence.since = Date.now();
          together();
          if (group.length === 0 || raw.write(format.encode(name, group))) continue;
          // The run is stored: who does not read for so long comes back with `Last-Event-ID`.
          const patience = setTimeout(() => raw.destroy(), readWithinMs);
          await Promise.race([once(raw, 'drain'), once(raw, 'close')]);
          clearTimeout(patience);
        }
      } catch (error) {
        const code = run.failed(error);
        const event = { type: EventType.RUN_ERROR, code, message: textOf(code, run.locale) } as const;
        raw.write(format.encode(name, [{ event }]));
      } finally {
        silences.delete(raw);
        raw.end();
      }
    },
    close: () => clearInterval(timer),
  };
};
