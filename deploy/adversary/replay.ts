import { core, headers } from '@jangada/proto/envelope.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { carrying, type Ground, queryFrame } from './ground.ts';

/** What was said once, said again; and what the broker's own headers could do. */

const streams = ['INTAKE', 'FACTS', 'REPLY', 'DEAD'] as const;

/** A whole run, and then each of its messages again under a new id. */
const republished = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const asked = await ground.ask('admin', 'quantas consultas esta semana?');
  const before = await journey.auditOf(asked.run);
  const facts = await journey.stored('FACTS', `run.*.*.${asked.run}`);
  const again = [];
  for (const fact of facts) {
    const carried = Object.fromEntries([...fact.header].map(([name, values]) => [name, values[0] ?? '']));
    delete carried[headers.expectedSequence];
    again.push(
      await ground.publishAs('operator', fact.subject, fact.data, {
        ...carried,
        [headers.messageId]: crypto.randomUUID(),
      }),
    );
  }
  const settled = await ground.ask('admin', 'quantas consultas este mês?');
  await journey.auditOf(settled.run);
  const after = await journey.sql('select from audit_entries where subject_id = $1', [asked.run]);
  const ends = await journey.endsOf(asked.run);
  const effects = ends.length === 1 && after.length === before.length ? 1 : Math.max(ends.length, 2);
  const reads = (await journey.stored('FACTS', `run.fetched.*.${asked.run}`)).length;
  return {
    refused: effects === 1,
    silent: effects === 1,
    holds: effects === 1 ? ['drop'] : [],
    figures: { side_effects: effects },
    note: `${again.length} messages again: ${ends.length} end, ${after.length} audit entries as before, ${reads} read`,
  };
};

/** Whoever may publish to a stream tries ids that somebody else could be about to use. */
const poisonedIds = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const run = crypto.randomUUID();
  const id = `${run}`;
  const guesses = [run, `requested|clinica-aurora|${run}`, `${run}-1`, 'order-1', `clinica-aurora.${run}`];
  const { statement } = await ground.pass({ rid: run });
  for (const guess of guesses)
    await ground.publishAs(
      'intent',
      `dead.intent.clinica-aurora.${run}`,
      '{}',
      carrying(statement, { [headers.messageId]: guess }),
    );
  const { token } = await ground.as('admin');
  const asked = await ground.http('POST', '/v1/query', {
    token,
    body: { query: 'quantas consultas hoje?', runId: id },
  });
  const [requested] = await journey.stored('FACTS', `run.understood.*.${asked.run}`);
  const used = [...(await journey.stored('REPLY', `reply.*.${asked.run}`))].map((message) =>
    message.header.get(headers.messageId),
  );
  const plain = used.filter((one) => guesses.includes(one) || one.includes(run));
  const fine = asked.status === 200 && requested !== undefined && plain.length === 0 && used.length > 0;
  const alarm = /dup_unexpected|DUP_UNEXPECTED|unexpected duplicate|duplicates?_total/i.test(
    await journey.metricsOf('edge'),
  );
  return {
    refused: fine,
    holds: fine && alarm ? ['impossible_to_predict_and_detected'] : [],
    code: alarm ? 'MSG_DUP_UNEXPECTED' : undefined,
    figures: { alert: alarm },
    note: `ids are keyed: ${plain.length === 0}; an alarm exists: ${alarm}`,
  };
};

/** Headers by which a publisher could make the broker forget; each on each stream that somebody may write to. */
const brokerHeaders = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const infos = await Promise.all(streams.map((stream) => journey.jsm.streams.info(stream)));
  const lax = infos.filter(
    ({ config }) => config.allow_msg_ttl || config.allow_rollup_hdrs || config.allow_msg_schedules,
  );
  const before = infos.map(({ state }) => state.messages);
  const tries = [];
  for (const forged of [
    { 'Nats-TTL': '1s' },
    { 'Nats-Rollup': 'all' },
    { 'Nats-Rollup': 'sub' },
    { 'Nats-Schedule': '@at 2030-01-01T00:00:00Z', 'Nats-Schedule-Target': 'run.permitted.clinica-aurora.x' },
  ]) {
    for (const subject of [
      `run.failed.clinica-aurora.${crypto.randomUUID()}`,
      `dead.intent.clinica-aurora.${crypto.randomUUID()}`,
      'reply.clinica-aurora.x',
    ])
      tries.push({ subject, forged, ...(await ground.publishAs('intent', subject, '{}', forged)) });
  }
  const stored = tries.filter(({ outcome }) => outcome === 'stored');
  const after = await Promise.all(
    streams.map(async (stream) => (await journey.jsm.streams.info(stream)).state.messages),
  );
  const kept = after.every((count, index) => count >= (before[index] ?? 0));
  const fine = stored.length === 0 && kept && lax.length === 0;
  return {
    refused: fine,
    holds: fine ? ['publish_error'] : [],
    note: `${tries.length} tries, stored: ${stored.map(({ subject, forged }) => `${subject.split('.')[0]} ${Object.keys(forged)[0]}`).join() || 'none'}`,
  };
};

const wrongExpectations = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const asked = await ground.ask('admin', 'quantas consultas ontem?');
  const subject = `run.answered.clinica-aurora.${asked.run}`;
  const before = await journey.jsm.streams.info('FACTS');
  const js = jetstream(journey.nc);
  const tries = await Promise.allSettled(
    Array.from({ length: 100 }, (_, attempt) => {
      const carried = newHeaders();
      carried.set(headers.expectedSequence, String(1_000_000 + attempt));
      return js.publish(subject, '{}', { headers: carried });
    }),
  );
  const stored = (await journey.stored('FACTS', subject)).length;
  const refusedAll = tries.every(({ status }) => status === 'rejected');
  const after = await journey.jsm.streams.info('FACTS');
  return {
    refused: refusedAll,
    holds:
      refusedAll && stored === 1 && after.state.last_seq - before.state.last_seq <= 4
        ? ['conflict_error_no_state_change']
        : [],
    note: `${tries.length} wrong expectations, ${stored} message on the subject`,
  };
};

/** A reply-to that would make a service answer into a stream or an API. */
const hijack = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const targets = [
    'run.permitted.clinica-brisa.x',
    '$JS.API.STREAM.DELETE.FACTS',
    'reply.clinica-brisa.x',
    'tick.retention.clinica-brisa',
  ];
  const before = new Map<string, number>();
  for (const stream of [...streams, 'SCHED'])
    before.set(stream, (await journey.jsm.streams.info(stream)).state.last_seq);
  const outcomes: string[] = [];
  for (const service of ['intent', 'response-generation'])
    for (const reply of targets) {
      const { connectAs } = await import('../journeys/journey.ts');
      const nc = await connectAs(journey.system, service);
      nc.publish(core.status, '', { reply });
      await nc.flush();
      await nc.close();
    }
  for (const reply of targets) journey.nc.publish(core.status, '', { reply });
  await journey.nc.flush();
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const [stream, seq] of before) {
    const now = await journey.jsm.streams.info(stream).catch(() => undefined);
    if (!now || now.state.last_seq !== seq) outcomes.push(stream);
  }
  const fine = outcomes.length === 0;
  return {
    refused: fine,
    silent: fine,
    note: `streams that changed: ${outcomes.join() || 'none'}`,
  };
};

/** A ticket opens one socket, by the subprotocol that carries it. */
const ticket = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const issued = await ground.http('POST', '/v1/auth/ticket', { token, body: {} });
  const { ticket: once } = JSON.parse(issued.text) as { ticket: string };
  const carried = `ticket.${once}`;
  const open = async () => {
    using talk = await ground.socket({ protocols: ['agui.v1', carried] });
    if (!talk.refusal) talk.send({ op: 'ping' });
    await until('an answer', () => talk.refusal !== undefined || talk.frames.length > 0);
    const code = talk.refusal?.code ?? (await talk.code(300));
    return { code, isIn: talk.frames.some((frame) => frame.includes('pong')) };
  };
  const [first, second] = [await open(), await open()];
  return {
    refused: !second.isIn,
    code: second.code,
    holds: first.isIn && !second.isIn ? ['second_rejected'] : [],
    note: `first: ${first.isIn ? 'let in' : first.code}`,
  };
};

/** The same frame again: one question is asked once, whoever repeats it. */
const sameFrame = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  const frame = queryFrame('quantas consultas tenho ontem?');
  using first = await ground.socket({ token });
  first.send(frame);
  first.send(frame);
  await until('answers', () => first.frames.some((text) => text.includes('"response"')));
  const [run] = first.frames.flatMap((text) => /"auditTrail":"([^"]+)"/.exec(text)?.[1] ?? []);
  const facts = run ? await ground.journey.factsOf(run) : [];
  const once = facts.length === new Set(facts).size && facts.length > 0;
  return {
    refused: once,
    holds: once ? ['drop', 'second_rejected'] : [],
    silent: once,
    figures: { side_effects: once ? 1 : 2 },
  };
};

export const replay = area('replay', [
  [/dedup|predictable|msg.?id .*(?:first|predict)|poisoning/i, poisonedIds],
  [/TTL|Rollup|Schedule/i, brokerHeaders],
  [/Expected-Last|expectation|optimistic/i, wrongExpectations],
  [/reply.?(?:subject|to)|hijack/i, hijack],
  [/ticket|second device/i, ticket],
  [/frame|same message id|client message/i, sameFrame],
  [/republish|captured|replay|old message|again/i, republished],
]);
