import { EventType } from '@ag-ui/core';
import { errorBody, faults } from '@jangada/proto/errors.ts';
import { z } from 'zod';
import type { Admission, Run } from './admission.ts';
import { eventsOf, type Peer, type Placed, readInput } from './agui.ts';
import { connectionOf } from './connect.ts';
import type { Connection, Dialect } from './dialect.ts';
import { nameOf } from './ids.ts';
import { shaped } from './shape.ts';
import { strictly } from './strict.ts';

/** AG-UI over WebSocket. The protocol has no binding of its own for it: ours are these two, told apart by subprotocol. */

const name = z.string().min(1).max(200);
const operation = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('run'), agent: z.string().max(40).optional(), input: z.unknown() }),
  z.strictObject({
    op: z.literal('resume'),
    runId: name,
    after: z.int().min(0).default(0),
    threadId: name.optional(),
  }),
  z.strictObject({ op: z.literal('connect'), threadId: name }),
  z.strictObject({ op: z.literal('cancel'), runId: name }),
  z.strictObject({ op: z.literal('detach'), runId: name }),
  z.strictObject({ op: z.literal('ping') }),
]);

/** `agui.v1`: many runs on one socket, each event with its place in its run, resumable at any replica. */
export const multiplexedDialect = (connection: Connection, admission: Admission): Dialect => {
  const follow = ({ runId, threadId }: Peer, run: Run, groups: AsyncIterable<readonly Placed[]>): void => {
    connection.follow(runId, run, async () => {
      connection.send({ op: 'accepted', runId, threadId, run: run.id });
      for await (const group of groups) {
        for (const { seq, event } of group) connection.send({ run: runId, seq, event });
        await connection.room();
      }
    });
  };

  return {
    resumable: true,
    greet: () => undefined,
    announce: (op) => connection.send({ op }),
    receive: async (frame) => {
      const asked = shaped(operation, frame, 'INVALID_MESSAGE');
      const identity = connection.identity();
      switch (asked.op) {
        case 'run': {
          const { peer, question } = readInput(asked.input);
          const run = await admission.ask(identity, question, connection.admit('ai'));
          return follow(peer, run, eventsOf(run, peer));
        }
        case 'resume': {
          const { runId, after, threadId = runId } = asked;
          await connection.admit('api');
          const peer = { threadId, runId, legacy: false };
          const run = await admission.rejoin(identity, runId, asked.threadId);
          return follow(peer, run, eventsOf(run, peer, after));
        }
        case 'connect': {
          await connection.admit('api');
          const { threadId } = asked;
          const conversation = await admission.connect(identity, threadId);
          const peer = { threadId, runId: nameOf(conversation.id), legacy: false };
          return follow(peer, conversation, connectionOf(conversation, peer));
        }
        case 'cancel': {
          await connection.admit('api');
          const cancelled = await admission.cancel(identity, asked.runId);
          return connection.send({ op: 'cancelled', runId: asked.runId, cancelled });
        }
        case 'detach':
          return connection.detach(asked.runId);
        case 'ping':
          return connection.send({ op: 'pong' });
      }
    },
    refuse: (refusal, frame) => {
      const { code, locale, field } = refusal;
      const runId = runNamed(frame);
      const body = errorBody(code, runId ?? connection.id, locale, field);
      connection.send({
        op: 'error',
        status: faults[code].status,
        ...body,
        ...(runId ? { runId } : {}),
        ...refusal.limit,
      });
    },
  };
};

/** `agui.v1.bare`: the first frame is the input, every frame back is one event, and the socket ends with the run. */
export const bareDialect = (connection: Connection, admission: Admission): Dialect => {
  let started = false;
  let running = false;
  return {
    resumable: false,
    greet: () => undefined,
    receive: async (frame) => {
      if (started) return;
      started = true;
      const { peer, question } = readInput(frame);
      const run = await admission.ask(connection.identity(), question, connection.admit('ai'));
      running = true;
      connection.follow(peer.runId, run, async () => {
        for await (const group of eventsOf(run, peer)) {
          for (const { event } of group) connection.send(event);
          await connection.room();
        }
        connection.close(1000, 'done');
      });
    },
    refuse: (refusal) => {
      // The stream belongs to the run; whatever else came in does not end it.
      if (running) return;
      const { code, locale } = refusal;
      const { message } = errorBody(code, connection.id, locale);
      const rawEvent = refusal.limit;
      const event = { type: EventType.RUN_ERROR, message, code, ...(rawEvent ? { rawEvent } : {}) } as const;
      connection.send(strictly(event, { violated: connection.violated, locale }));
      connection.close(1000, 'done');
    },
  };
};

const input = z.object({ threadId: z.string(), runId: z.string(), messages: z.array(z.unknown()) });

/** True for what looks like a RunAgentInput. */
export const isInput = (frame: unknown): boolean => input.safeParse(frame).success;

/** True for what looks like one of our operations. */
export const isOperation = (frame: unknown): boolean =>
  typeof frame === 'object' && frame !== null && 'op' in frame;

const naming = z.union([
  z.object({ runId: name }),
  z.object({ input: z.object({ runId: name }) }).transform(({ input }) => input),
]);

const runNamed = (frame: unknown): string | undefined => naming.safeParse(frame).data?.runId;
