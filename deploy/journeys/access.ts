import { HttpAgent, type RunAgentInput } from '@ag-ui/client';
import { totpAt } from '@jangada/trust/totp.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Journey, sharedJourney } from './journey.ts';

/** Relationships and consents end, and whoever asks next is told so, whatever was told a moment before. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

const ask = async (alias: string, question: string, own = {}) =>
  (await journey.as(alias)).query(question, own);

describe('a figure for statistics', () => {
  const count = 'quantas consultas este mês?';
  const body = { purpose: 'statistics' };

  test('is of the whole clinic, for a professional too, while care is of those in care', async () => {
    const [row] = await journey.sql<{ count: number }>(
      `select count(*)::int from appointments where tenant_id = 'clinica-aurora'
       and date_trunc('month', start_time at time zone 'America/Sao_Paulo')
         = date_trunc('month', now() at time zone 'America/Sao_Paulo')`,
    );
    const all = await ask('professional', count, body);
    expect(Number(/\d+/.exec(all.content)?.[0])).toBe(row?.count);
    const own = await ask('professional', count);
    expect(Number(/\d+/.exec(own.content)?.[0])).toBeLessThan(row?.count ?? 0);
  });

  test('about few is not told, by name, by treatment or by id, and audit knows', async () => {
    const questions: [string, object][] = [
      ['quantas consultas de Bruno Rocha este mês?', body],
      ['quantos registros no prontuário de Ana Lima?', body],
      ['quantas consultas de Zeca Ninguém este mês?', body],
      [count, { ...body, clientId: 'cli-5' }],
    ];
    for (const [question, own] of questions) {
      const answer = await ask('professional', question, own);
      expect(answer, question).toMatchObject({ status: 403, code: 'AGG_SUPPRESSED' });
      const entries = await journey.auditOf(answer.runId);
      expect(entries.filter(({ decision }) => decision === 'denied')).toMatchObject([
        { code: 'AGG_SUPPRESSED', details: { decision: { refusedBy: 'group', groupMin: 5 } } },
      ]);
      expect(entries.map(({ fact }) => fact)).not.toContain('run.fetched');
    }
  });

  test('has no list behind it', async () => {
    expect(await ask('admin', 'lista de clientes', body)).toMatchObject({ code: 'PURPOSE_NOT_ALLOWED' });
  });

  test('is not asked of what one may see: three appointments tomorrow are three', async () => {
    const answer = await ask('professional', 'quantas consultas tenho amanhã?');
    expect(answer.content).toMatch(/^3 /);
  });
});

describe('with a warm cache', () => {
  test('a relationship that ended is over at the next question, in detail and in lists', async () => {
    const named = 'quantas consultas de Bruno Rocha este mês?';
    for (const question of [named, 'lista de clientes']) {
      await ask('professional', question);
      expect(await ask('professional', question)).toMatchObject({ status: 200, cached: true });
    }
    expect((await ask('professional', 'lista de clientes')).content).toContain('Bruno Rocha');
    await journey.sql(
      `update care_relationships set valid_to = now() where tenant_id = 'clinica-aurora' and subject_id = 'cli-2'`,
    );
    expect(await ask('professional', named)).toMatchObject({ status: 403, code: 'AUTHZ_NO_RELATION' });
    const { content, cached } = await ask('professional', 'lista de clientes');
    expect(cached).toBe(false);
    expect(content).not.toContain('Bruno Rocha');
    expect(content).toContain('Ana Lima');
  });

  test('consent that was withdrawn is withdrawn at the next question, also for an administrator', async () => {
    const named = 'histórico da cliente Carla Dias';
    const figure = 'quantas consultas este mês?';
    const before = await ask('admin', figure);
    for (const alias of ['professional', 'admin'])
      for (const question of [named, 'lista de clientes'])
        expect(await ask(alias, question)).toMatchObject({ status: 200 });
    const withdraw = (holds: string | null) =>
      journey.sql(
        `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
         values ('clinica-aurora', $1, 'cli-3', 'withdrawn', 'contact', $2, 'person', 'desk', 'test')`,
        [crypto.randomUUID(), holds],
      );
    // What remains lets the clinic know who she is, and no more.
    await withdraw('contact');
    for (const alias of ['professional', 'admin']) {
      const refused = await ask(alias, named);
      expect(refused).toMatchObject({ status: 403, code: 'CONSENT_REQUIRED' });
      const [entry] = (await journey.auditOf(refused.runId)).filter(({ decision }) => decision === 'denied');
      expect(entry).toMatchObject({
        code: 'CONSENT_REQUIRED',
        details: {
          decision: { refusedBy: 'consent', consent: 'health', flags: { lgpdCompliant: false } },
        },
      });
      expect((await ask(alias, 'lista de clientes')).content).toContain('Carla Dias');
    }
    const figureOf = (content: string) => Number(/\d+/.exec(content)?.[0]);
    expect(figureOf((await ask('admin', figure)).content)).toBeLessThan(figureOf(before.content));
    await withdraw(null);
    for (const alias of ['professional', 'admin'])
      expect((await ask(alias, 'lista de clientes')).content).not.toContain('Carla Dias');
  });

  test('who took all consent back is still told about themselves', async () => {
    await journey.sql(
      `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
       values ('clinica-aurora', 'none', 'cli-1', 'withdrawn', 'contact', null, 'person', 'desk', 'test')`,
    );
    expect(await ask('client', 'quantas consultas eu tenho este mês?')).toMatchObject({ status: 200 });
  });
});

describe('what somebody agreed to', () => {
  interface Told {
    readonly status: number;
    readonly run: string;
    readonly code?: string;
    readonly message?: string;
    readonly consents?: readonly Readonly<Record<string, unknown>>[];
    readonly nextCursor?: string;
  }
  const history = async (alias: string, path: string): Promise<Told> => {
    const { agent } = await journey.as(alias);
    const response = await fetch(new URL(`/v1/consents/${path}`, agent.url), { headers: agent.headers });
    const said = (await response.json()) as Omit<Told, 'status' | 'run'>;
    return { ...said, status: response.status, run: response.headers.get('jangada-run') ?? '' };
  };
  const change = async (alias: string, command: object) => {
    const { agent } = await journey.as(alias);
    const headers = { ...agent.headers, 'content-type': 'application/json' };
    const body = JSON.stringify(command);
    expect((await fetch(new URL('/v1/consents', agent.url), { method: 'POST', headers, body })).status).toBe(
      200,
    );
  };

  test('is read by themselves, newest first, also after all was taken back, and audit knows who read', async () => {
    await change('client2', { action: 'give', subjectId: 'cli-2', level: 'health' });
    const before = await history('client2', 'cli-2');
    expect(before.consents?.[0]).toMatchObject({ action: 'given', level: 'health', holds: 'health' });
    await change('client2', { action: 'withdraw', subjectId: 'cli-2', level: 'contact', channel: 'app' });
    const { status, consents, run, nextCursor } = await history('client2', 'cli-2');
    expect({ status, nextCursor }).toEqual({ status: 200, nextCursor: undefined });
    expect(consents?.[0]).toEqual({
      recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      action: 'withdrawn',
      level: 'contact',
      holds: null,
      basis: 'person',
      channel: 'app',
    });
    expect(consents?.slice(1)).toEqual(before.consents);
    const { id } = await journey.as('client2');
    expect(await journey.auditOf(run)).toMatchObject([
      { fact: 'run.understood', actor: id, decision: 'allowed', details: { intent: 'consents' } },
      { fact: 'run.permitted', actor: id, decision: 'allowed', details: { decision: { reach: 'own' } } },
      {
        ...{ fact: 'run.answered', actor: id, decision: 'done' },
        details: { ask: 'list', rows: consents?.length, cached: false },
      },
    ]);
    // As the journeys after this one expect it.
    await change('client2', { action: 'give', subjectId: 'cli-2', level: 'health' });
  });

  test('is read by who cares for them and by an administrator, whatever holds', async () => {
    // Cared for by this one since the beginning, and of Carla nothing holds any more.
    for (const alias of ['professional', 'admin'])
      expect(await history(alias, 'cli-3')).toMatchObject({
        status: 200,
        consents: [{ action: 'withdrawn', holds: null }, { action: 'withdrawn', holds: 'contact' }, {}],
      });
  });

  test('is refused to everybody else, a foreign id as an unknown one, and audit knows', async () => {
    await journey.sql(
      `insert into clients (tenant_id, id, name, name_search)
       select id, 'cli-elsewhere', 'Elsewhere', 'elsewhere' from tenants where id <> 'clinica-aurora' limit 1`,
    );
    const refusals: [alias: string, subject: string, code: string][] = [
      ['client2', 'cli-4', 'AUTHZ_DENIED'],
      ['professional', 'cli-6', 'AUTHZ_NO_RELATION'],
      ...['client2', 'professional', 'admin'].flatMap((alias): [string, string, string][] => [
        [alias, 'nobody', 'TENANT_ISOLATION_VIOLATION'],
        [alias, 'cli-elsewhere', 'TENANT_ISOLATION_VIOLATION'],
      ]),
    ];
    for (const [alias, subject, code] of refusals) {
      const { run, ...refused } = await history(alias, subject);
      expect(refused, `${alias} ${subject}`).toMatchObject({ status: 403, code });
      expect(refused.consents).toBeUndefined();
      const entries = await journey.auditOf(run);
      expect(entries.map(({ fact }) => fact)).toEqual(['run.understood', 'run.refused']);
      expect(entries[1]).toMatchObject({
        decision: 'denied',
        code,
        details: { decision: { refusedBy: 'relation' } },
      });
    }
    await journey.sql(`delete from clients where id = 'cli-elsewhere'`);
  });

  test('is paged, each entry once', async () => {
    await journey.sql(
      `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
       select 'clinica-aurora', 'paged-' || n, 'cli-7', 'given', 'health', 'health', 'person', 'page-' || n, 'test'
       from generate_series(1, 60) n`,
    );
    const first = await history('admin', 'cli-7');
    expect(first.consents).toHaveLength(50);
    const rest = await history('admin', `cli-7?cursor=${first.nextCursor}`);
    expect(rest.nextCursor).toBeUndefined();
    const all = [...(first.consents ?? []), ...(rest.consents ?? [])].map(({ channel }) => channel);
    expect(all.slice(0, 60)).toEqual(Array.from({ length: 60 }, (_, index) => `page-${60 - index}`));
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('a command', () => {
  const post = async (alias: string, path: string, body: object, token?: string) => {
    const { agent } = await journey.as(alias);
    const bearer = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(new URL(path, agent.url), {
      method: 'POST',
      headers: { ...agent.headers, ...bearer, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = (await response.json()) as {
      code?: string;
      commandId?: string;
      done?: boolean;
      secret?: string;
      access_token?: string;
    };
    return { status: response.status, run: response.headers.get('jangada-run') ?? '', ...said };
  };

  test('to withdraw consent holds at the next question, and given again it is the same command', async () => {
    const question = 'quantas consultas de Elisa Prado este mês?';
    expect(await ask('professional2', question)).toMatchObject({ status: 200 });
    const command = {
      action: 'withdraw',
      subjectId: 'cli-5',
      level: 'contact',
      commandId: crypto.randomUUID(),
    };
    const first = await post('professional2', '/v1/consents', command);
    expect(first).toMatchObject({ status: 200, done: true });
    expect(await ask('professional2', question)).toMatchObject({ status: 403, code: 'CONSENT_REQUIRED' });
    expect(await post('professional2', '/v1/consents', command)).toEqual(first);
    const history = await journey.sql(
      `select action, channel, recorded_by from consents where tenant_id = 'clinica-aurora' and id = $1`,
      [first.run],
    );
    const { id } = await journey.as('professional2');
    expect(history).toEqual([{ action: 'withdrawn', channel: 'api', recorded_by: id }]);
    expect(await journey.auditOf(first.run)).toMatchObject([
      { fact: 'access.changed', actor: id, decision: 'done', details: { action: 'withdraw_consent' } },
    ]);
  });

  test.each([
    [
      'consent for another',
      'client2',
      '/v1/consents',
      { action: 'give', subjectId: 'cli-4', level: 'health' },
      'AUTHZ_DENIED',
    ],
    [
      'consent of whom one does not care for',
      'professional',
      '/v1/consents',
      { action: 'withdraw', subjectId: 'cli-6', level: 'health' },
      'AUTHZ_NO_RELATION',
    ],
    [
      'consent of nobody here',
      'admin',
      '/v1/consents',
      { action: 'give', subjectId: 'nobody', level: 'health' },
      'TENANT_ISOLATION_VIOLATION',
    ],
    [
      'a relationship',
      'professional',
      '/v1/care-relationships',
      { action: 'open', providerId: 'pro-1', subjectId: 'cli-6' },
      'AUTHZ_DENIED',
    ],
    [
      'a legal hold without a second factor',
      'admin',
      '/v1/holds',
      { action: 'place', class: 'billing_data', reason: 'a lawsuit' },
      'MFA_REQUIRED',
    ],
    [
      'an approval by who answers for no data',
      'professional',
      '/v1/retention/approvals',
      { tick: '2026-11-21', class: 'billing_data', root: '0'.repeat(64) },
      'AUTHZ_DENIED',
    ],
    [
      'an emergency without a reason',
      'professional',
      '/v1/break-glass',
      { subjectId: 'cli-6' },
      'AUTHZ_DENIED',
    ],
    [
      'an emergency without a second factor',
      'professional',
      '/v1/break-glass',
      { subjectId: 'cli-6', reason: 'emergency', explanation: 'unconscious' },
      'AUTH_STEP_UP',
    ],
  ] as const)('is refused and audited: %s', async (_what, alias, path, body, code) => {
    const refused = await post(alias, path, body);
    expect(refused).toMatchObject({ code });
    expect(await journey.auditOf(refused.run)).toMatchObject([
      { fact: 'access.refused', decision: 'denied', code },
    ]);
  });

  test('to reach for one person in an emergency takes a second factor, and shows that person and no other', async () => {
    const question = 'quantas consultas de Heitor Alves este mês?';
    expect(await ask('professional', question)).toMatchObject({ status: 403, code: 'AUTHZ_NO_RELATION' });
    const command = { subjectId: 'cli-8', reason: 'emergency', explanation: 'unconscious, alone' };
    expect(await post('professional', '/v1/break-glass', command)).toMatchObject({ code: 'AUTH_STEP_UP' });
    const { secret } = await post('professional', '/v1/auth/mfa/enrol', {});
    const otp = totpAt(String(secret), Date.now());
    const proven = await post('professional', '/v1/auth/mfa/confirm', { otp });
    const opened = await post('professional', '/v1/break-glass', command, String(proven.access_token));
    expect(opened).toMatchObject({ status: 200, done: true });
    expect(await ask('professional', question)).toMatchObject({ status: 200 });
    expect(await ask('professional', 'quantas consultas de Gabriela Souza este mês?')).toMatchObject({
      code: 'AUTHZ_NO_RELATION',
    });
    const [entry] = await journey.auditOf(opened.run);
    expect(entry).toMatchObject({ fact: 'access.changed', details: { action: 'break_glass' } });
    expect(JSON.stringify(entry)).not.toContain('unconscious');
    const kept = await journey.sql<{ text: string }>(
      `select encode(explanation, 'escape') as text from emergencies where id = $1`,
      [opened.run],
    );
    expect(kept).toEqual([{ text: expect.not.stringContaining('unconscious') }]);
    const shown = await journey.jangada('audit', 'get', opened.run, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject([
      { emergency: { subject: 'cli-8', reason: 'emergency', explanation: 'unconscious, alone' } },
    ]);
    const { stdout } = await journey.jangada('audit', 'get', opened.run);
    expect(stdout).toContain('reached for cli-8, emergency: "unconscious, alone"');
    await askedBack(String(proven.access_token));
  });

  /** An agent asks back whether it is an emergency, and goes on after a yes, and only then. */
  const askedBack = async (token: string) => {
    const { agent: at } = await journey.as('professional');
    const asking = (question: string) => {
      const agent = new HttpAgent({ url: at.url, headers: { authorization: `Bearer ${token}` } });
      agent.addMessage({ id: 'question', role: 'user', content: question });
      return agent;
    };
    const runOf = async (agent: HttpAgent, resume?: RunAgentInput['resume']) => {
      let code: string | undefined;
      const { newMessages } = await agent.runAgent(
        { runId: crypto.randomUUID(), ...(resume ? { resume } : {}) },
        {
          onRunErrorEvent: ({ event }) => {
            code = event.code;
          },
        },
      );
      return { code, text: newMessages.at(-1)?.content, interrupt: agent.pendingInterrupts[0] };
    };
    const yes = { confirmed: true, reason: 'emergency', explanation: 'found alone, unconscious' };
    const resolved = (interruptId = '') => [{ interruptId, status: 'resolved', payload: yes }] as const;

    // Who is in nobody's records is asked about as anybody else is: only an answer tells, and it is audited.
    const unknown = asking('quantas consultas de Zeca Ninguém este mês?');
    const nobody = (await runOf(unknown)).interrupt;
    expect(await runOf(unknown, [...resolved(nobody?.id)])).toMatchObject({ code: 'PERSON_UNCLEAR' });

    const agent = asking('quantas consultas de Fábio Nunes este mês?');
    const { interrupt } = await runOf(agent);
    expect(interrupt).toMatchObject({ reason: 'confirmation', metadata: { action: 'break_glass' } });
    expect({ ...interrupt, id: '', expiresAt: '' }).toEqual({ ...nobody, id: '', expiresAt: '' });
    const asked = await journey.auditOf(interrupt?.id ?? '');
    expect(asked).toMatchObject([
      { fact: 'run.understood' },
      { fact: 'run.interrupted', code: 'AUTHZ_NO_RELATION', details: { asked: 'break_glass' } },
    ]);
    const answered = await runOf(agent, [...resolved(interrupt?.id)]);
    expect(answered).toMatchObject({
      code: undefined,
      text: expect.stringMatching(/consulta/),
      interrupt: undefined,
    });
    const [kept] = await journey.sql<{ id: string; subject_id: string }>(
      `select e.id, e.subject_id from emergencies e join interrupts i on i.answered_by = e.id where i.id = $1`,
      [interrupt?.id],
    );
    expect(kept?.subject_id).toBe('cli-6');
    expect(await journey.auditOf(kept?.id ?? '')).toMatchObject([
      { fact: 'run.understood', details: { answers: interrupt?.id } },
      { fact: 'run.permitted', details: { decision: { reach: 'related' } } },
      { fact: 'run.fetched' },
      { fact: 'run.answered' },
    ]);
    const { stdout } = await journey.jangada('audit', 'get', kept?.id ?? '');
    expect(stdout).toContain('reached for cli-6, emergency: "found alone, unconscious"');
  };
});
