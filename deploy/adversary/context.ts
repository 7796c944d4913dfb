import { headers } from '@jangada/proto/envelope.ts';
import { type Message, subjectOf } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { keyPair } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { grantSealer } from '@jangada/trust/grant.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground } from './ground.ts';

/** Messages whose pass or grant is not what it should be. They are sent as the operator, who may send anything. */

interface Sent {
  readonly statement: string;
  readonly pass: Pass;
  readonly message?: Message;
  readonly body?: object;
  /** Over those that belong to it. */
  readonly headers?: Readonly<Record<string, string>>;
}

const question = 'quantas consultas este mês?';

/** Publishes a question with this pass, and says how it ended. */
const send = async (ground: Ground, sent: Sent): Promise<Observed> => {
  const { pass, statement, message = run.requested, body = { question } } = sent;
  const { journey } = ground;
  const subject = subjectOf(message, pass.tid, pass.rid);
  const last = await ground.lastLetter();
  const published = await ground.say('operator', message, { pass, statement }, body, sent.headers);
  if (published.outcome !== 'stored')
    return {
      refused: true,
      letter: published.reason,
      code: 'INPUT_TOO_LARGE',
      note: `the broker: ${published.reason}`,
    };
  const facts = async () =>
    (await journey.stored('FACTS', `run.*.*.${pass.rid}`)).map(({ subject: name }) => name.split('.')[1]);
  const over = async () =>
    (await facts()).some((fact) => ['answered', 'failed', 'refused'].includes(fact ?? ''));
  const letter = await Promise.race([
    ground.letterAfter(subject, last),
    until('an end', over, 5_000).then(
      () => ground.letterAfter(subject, last, 500),
      () => undefined,
    ),
  ]);
  const reason = letter?.header.get('Jangada-Dead-Reason');
  const said = await facts();
  const ends = (await over()) ? await journey.endsOf(pass.rid).catch(() => []) : [];
  const told = ends.flatMap((end) => ('code' in end ? [end.code] : []));
  const processed = said.some((fact) => fact === 'answered' || fact === 'fetched');
  return {
    refused: !processed,
    letter: reason,
    code: reason?.split(':')[0] ?? told[0],
    told,
    note: `facts: ${said.join() || 'none'}`,
  };
};

type Change = (ground: Ground) => Promise<Sent>;
const sending =
  (change: Change, own: (seen: Observed) => Partial<Observed> = () => ({})) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const seen = await send(ground, await change(ground));
    return { ...seen, ...own(seen) };
  };

const passed =
  (own: Partial<Pass>, key?: string): Change =>
  (ground) =>
    ground.pass(own, question, key);

/** A statement with more in it than what was signed. */
const rewritten =
  (change: (claims: Record<string, unknown>) => object): Change =>
  async (ground) => {
    const { pass, statement } = await ground.pass({}, question);
    const [payload = '', ...seals] = statement.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    return {
      pass,
      statement: [Buffer.from(JSON.stringify(change(claims))).toString('base64url'), ...seals].join('.'),
    };
  };

/** The message that data-access hears, copied from a run that was permitted. */
const permitted = async (ground: Ground) => {
  const asked = await ground.ask('admin', 'quantas consultas este ano?');
  const [stored] = await ground.journey.stored('FACTS', `run.permitted.*.${asked.run}`);
  if (!stored) throw new Error('no run was permitted');
  return {
    body: ground.journey.opened(run.permitted, stored),
    grant: stored.header.get(headers.grant),
    run: asked.run,
  };
};

/** To data-access with a pass of ours and whatever stands for the grant. */
const toDataAccess =
  (forge: (real: string, pass: Pass) => string | Promise<string>) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const real = await permitted(ground);
    const { pass, statement } = await ground.pass({}, question);
    const grant = await forge(real.grant, pass);
    const own = grant ? { [headers.grant]: grant } : undefined;
    const published = await ground.say('operator', run.permitted, { pass, statement }, real.body, own);
    const letter = await ground.letterOf(pass.rid);
    const reason = letter?.header.get('Jangada-Dead-Reason');
    return {
      refused: reason !== undefined,
      letter: reason,
      code: reason?.split(':')[0],
      note: published.outcome,
    };
  };

/** Both parts of a grant with more in them than was signed. */
const wider = (real: string): string => {
  const [signed = '', shown = ''] = real.split('~');
  const [payload = '', ...seals] = signed.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const widened = { ...claims, reach: 'tenant', limit: 100, fields: ['start', 'client', 'phone', 'email'] };
  const rewritten = [Buffer.from(JSON.stringify(widened)).toString('base64url'), ...seals].join('.');
  return `${rewritten}~${shown.replace(/\.(?:related|own)\./, '.tenant.')}`;
};

export const context = area('context', [
  [/no grant|grant (?:is )?missing|skip(?:s|ping)? permission/i, toDataAccess(() => '')],
  [/grant of another|grant for another/i, toDataAccess((real) => real)],
  [
    /forged grant|grant.*(?:forg|signed by)/i,
    toDataAccess((_real, { rid, tid, sub, exp }) =>
      grantSealer(keyPair('grant').signer, () => ({ kid: 'database', secret: Buffer.alloc(32) }))({
        rid,
        tid,
        sub,
        exp,
        ph: '',
        reach: 'tenant',
        pur: 'care',
        fields: [],
        limit: 50,
      }),
    ),
  ],
  [
    /payload swapped|body (?:changed|swapped)|another (?:body|question)/i,
    sending(async (ground) => ({
      ...(await ground.pass({}, question)),
      body: { question: 'lista de clientes', subjectId: 'cli-5' },
    })),
  ],
  [
    /widens?|adds? scp|scope/i,
    async (one, ground) => {
      const seen = await toDataAccess((real) => wider(real))(one, ground);
      // A wider grant is none at all, which is less than the intersection: nothing is read.
      const [asked] = [await ground.ask('professional', 'histórico da cliente Elisa Prado')];
      return {
        ...seen,
        holds: seen.refused && asked.status === 403 ? ['effective_scope_is_intersection'] : [],
        code: asked.code === 'AUTHZ_NO_RELATION' ? 'AUTHZ_DENIED' : asked.code,
        note: `widened grant: ${seen.code}`,
      };
    },
  ],
  [
    /tid or sub|later block contains|claims? (?:of|for) another/i,
    sending(rewritten((claims) => ({ ...claims, tid: 'clinica-brisa' }))),
  ],
  [
    /expired|late|redeliver/i,
    sending(passed({ iat: Date.now() - 61_000, exp: Date.now() - 1_000 }), (seen) => ({
      holds: seen.refused ? ['term'] : [],
      code: seen.code === 'DEADLINE' ? 'CTX_EXPIRED' : seen.code,
      figures: {
        reply: seen.told?.some((text) => text.includes('DEADLINE') || text.includes('CTX_EXPIRED'))
          ? 'deadline_error'
          : 'none',
      },
    })),
  ],
  [
    /retired|unknown key|\bkid\b|another key/i,
    sending((ground) => passed({}, keyPair('unknown').secret)(ground)),
  ],
  [
    /oversized|too (?:large|long)|64 KiB|blocks/i,
    sending(rewritten((claims) => ({ ...claims, padding: 'x'.repeat(16 * 1024) }))),
  ],
  [/environment|staging|\benv\b/i, sending(passed({ env: 'staging' } as Partial<Pass>))],
  [
    /missing|without (?:a )?(?:pass|context)|removed|stripped/i,
    sending(async (ground) => ({ ...(await ground.pass({}, question)), statement: '' })),
  ],
  [
    /another run|other run|reused|transplant/i,
    sending(async (ground) => {
      const [first, second] = [await ground.pass({}, question), await ground.pass({}, question)];
      return {
        statement: first.statement,
        pass: second.pass,
        message: run.understood,
      };
    }),
  ],
  [
    /tamper|alter|signature|order|truncat/i,
    sending(rewritten((claims) => ({ ...claims, rol: 'admin', sub: 'somebody' }))),
  ],
]);
