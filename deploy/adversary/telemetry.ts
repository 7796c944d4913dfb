import { headers } from '@jangada/proto/envelope.ts';
import { until } from '@jangada/testkit/until.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { type Ground, queryFrame } from './ground.ts';

/** What the system tells of people to those who watch it. */

const surface =
  (names: readonly RegExp[]) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const found = await ground.journey.canaries();
    const hits = found.filter(({ place }) => names.some((name) => name.test(place)));
    return {
      refused: hits.length === 0,
      figures: { hits: hits.length },
      note: hits.map(({ place, trait }) => `${trait} in ${place}`).join(', ') || 'nothing of the canary',
    };
  };

/** PostgreSQL fails with the names of its tables in the text. */
const errorText = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const { token } = await ground.as('admin');
  await journey.sql('revoke purpose_care from app_tenant_care');
  try {
    const told = await ground.ask('admin', 'histórico da cliente Bruno Rocha em 2018');
    using talk = await ground.socket({ token });
    talk.send(queryFrame('histórico da cliente Bruno Rocha em 2017'));
    await talk.code(8_000);
    const texts = [told.text, ...talk.frames];
    const specific = texts.some((text) =>
      /aesthetic_records|permission denied|svc_data|42501|\bat .+:\d+/.test(text),
    );
    return { refused: told.status >= 500, code: told.code, told: texts, holds: specific ? [] : ['generic'] };
  } finally {
    await journey.sql('grant purpose_care to app_tenant_care');
  }
};

/** A trace id that the browser chose, with a crowd of luggage. */
const traceparent = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const chosen = 'deadbeefdeadbeefdeadbeefdeadbeef';
  const carried = {
    traceparent: `00-${chosen}-1234567890abcdef-01`,
    tracestate: `evil=${'x'.repeat(8_000)}`,
    baggage: 'cpf=12345678901,name=Quixabeira',
  };
  const { token } = await ground.as('professional');
  const told = await ground.http('POST', '/v1/query', {
    token,
    headers: carried,
    body: { query: 'quantas consultas tenho amanhã?' },
  });
  const facts = await ground.journey.stored('FACTS', `run.*.*.${told.run}`);
  const values = facts.flatMap((fact) => [...fact.header].flat(2)).join('\n');
  const spans = await until('spans', () => {
    const found = ground.receiver.spans.filter(({ attributes }) => attributes['run.id'] === told.run);
    return found.some(({ name }) => name === 'edge') ? found : undefined;
  });
  const continued = spans.some(({ traceId }) => traceId === chosen) || values.includes(chosen);
  const linked = ground.receiver.received.some((text) => text.includes('"links"') && text.includes(chosen));
  return {
    refused: !continued,
    holds: !continued && linked ? ['new_root_with_link'] : [],
    figures: { 'baggage.propagated': /Quixabeira|12345678901|evil=/.test(values) },
    note: `the browser’s trace id is ${continued ? 'continued' : 'not continued'}${linked ? ', and linked' : ''}; ${facts.length} facts, ${headers.pass} only`,
  };
};

const labels = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const statuses = await ground.journey.system.statuses();
  const text = (
    await Promise.all(statuses.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()))
  ).join('\n');
  const found = text.split('\n').filter((line) => /clinica-(?:aurora|brisa)|pro-1|cli-\d/.test(line));
  return {
    refused: found.length === 0,
    figures: { hits: found.length },
    holds: found.length === 0 ? ['zero_hits'] : [],
    note: found[0] ?? `${text.length} characters of metrics`,
  };
};

export const telemetry = area('telemetry', [
  [/spans?|baggage and status|OTLP/i, surface([/spans/])],
  [/logs?\b/i, surface([/logs/])],
  [/error text|error message|stack trace/i, errorText],
  [/traceparent|trace id|baggage/i, traceparent],
  [/metric|label/i, labels],
  [/canary|subject|header|dead letter|redis|stream/i, surface([/./])],
]);
