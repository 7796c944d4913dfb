import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFactors } from '../services/edge/factors.ts';
import type { Proof } from '../services/edge/identity.ts';
import { openSessions } from '../services/edge/sessions.ts';
import { openTickets } from '../services/edge/tickets.ts';
import { startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

/** Sessions, second factors and tickets with the rights that the edge really has. */

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await startDatabase();
  await database.administer(
    ['casa', 'other']
      .map(
        (id) =>
          `${tenantSql(id)} insert into accounts values ('${id}-ana', '${id}', 'ana', 'ana@${id}.example', '', 'admin')`,
      )
      .join(';'),
  );
  store = await database.storeOf('edge');
});
afterAll(() => database?.[Symbol.asyncDispose]());

const account = (tenant: string) => ({
  id: `${tenant}-ana`,
  tenant,
  email: `ana@${tenant}.example`,
  role: 'admin',
  person: undefined,
  passwordHash: '',
});
const proof = (): Proof => ({ acr: 'aal1', amr: ['pwd'], authenticatedAt: Date.now() });
const open = () => openSessions(store, 30 * 60_000);

describe('a session', () => {
  test('is opened, renewed, proved, listed and ended', async () => {
    const sessions = open();
    const { session, refreshToken } = await sessions.open(account('casa'), proof());
    const renewal = await sessions.renew(refreshToken);
    expect(renewal).toMatchObject({ outcome: 'renewed', session: { id: session.id } });
    expect(await sessions.renew(refreshToken)).toMatchObject({ outcome: 'reused' });
    await sessions.prove('casa', session.id, { ...proof(), amr: ['pwd', 'otp', 'mfa'] });
    const [found] = await sessions.find([{ tenant: 'casa', session: session.id }]);
    expect(found).toMatchObject({ acr: 'aal2', ended: undefined });
    expect(await sessions.listOf('casa', 'casa-ana')).toHaveLength(1);
    expect(await sessions.end('casa', { session: session.id }, 'revoked')).toEqual([session.id]);
    expect(await sessions.end('casa', { account: 'casa-ana' }, 'revoked')).toEqual([]);
    expect(await sessions.find([{ tenant: 'casa', session: session.id }])).toMatchObject([
      { ended: 'revoked' },
    ]);
  });

  test('is found among those of other tenants, and its use noted once it was silent', async () => {
    const sessions = open();
    const mine = (await sessions.open(account('casa'), proof())).session;
    const theirs = (await sessions.open(account('other'), proof())).session;
    const wanted = [mine, theirs].map(({ tenant, id: session }) => ({ tenant, session }));
    const find = async () => (await sessions.find(wanted)).toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1));
    expect((await find()).map(({ id }) => id)).toEqual([mine.id, theirs.id]);
    const silentSince = Date.now() - 5 * 60_000;
    const silence = queries<CoreTables>()
      .updateTable('sessions')
      .set({ used_at: new Date(silentSince) })
      .where('tenant_id', '=', 'other')
      .where('id', '=', theirs.id);
    await store.read({ tenant: 'other' }, silence);
    await sessions.use(await find());
    const [kept, noted] = await find();
    expect(kept?.usedAt).toBe(mine.usedAt);
    expect(noted?.usedAt).toBeGreaterThan(silentSince);
  });

  test('of an outside issuer is kept once', async () => {
    const sessions = open();
    const about = {
      tenant: 'casa',
      subject: 'casa-ana',
      session: 'theirs',
      role: 'admin',
      person: undefined,
    };
    for (let time = 0; time < 2; time++) await sessions.adopt({ ...about, ...proof(), expiresAt: 0 });
    expect(await sessions.find([{ tenant: 'casa', session: 'theirs' }])).toHaveLength(1);
  });

  test('of another tenant is not there, whatever is asked', async () => {
    const sessions = open();
    const { session, refreshToken } = await sessions.open(account('other'), proof());
    expect(await sessions.find([{ tenant: 'casa', session: session.id }])).toEqual([]);
    expect(await sessions.listOf('casa', 'other-ana')).toEqual([]);
    expect(await sessions.end('casa', { session: session.id }, 'revoked')).toEqual([]);
    expect(await sessions.renew(refreshToken.replace('other', 'casa'))).toEqual({ outcome: 'unknown' });
  });
});

test('a second factor is enrolled, confirmed, used once, and recovered from', async () => {
  const factors = openFactors(store, database.vault);
  const { secret } = await factors.enrol(account('casa'), 'ana');
  expect(await factors.isEnrolled(account('casa'))).toBe(false);
  const { verdict, recoveryCodes } = await factors.confirm(account('casa'), totpAt(secret, Date.now()));
  expect(verdict).toBe('right');
  expect(await factors.isEnrolled(account('casa'))).toBe(true);
  const code = totpAt(secret, Date.now() + 30_000);
  expect(await factors.verify(account('casa'), code)).toMatchObject({ verdict: 'right' });
  expect(await factors.verify(account('casa'), code)).toMatchObject({ verdict: 'used' });
  expect(await factors.verify({ ...account('casa'), tenant: 'other' }, code)).toMatchObject({
    verdict: 'wrong',
  });
  // Its key is the door's own; of people's the door sees none, and makes none.
  await database.write('casa', 'clients', [
    { id: 'c1', name: 'Bia', name_search: 'bia', email: 'bia@casa.example' },
  ]);
  const keys = queries<CoreTables>().selectFrom('subject_keys').select('subject_id');
  expect(await store.read({ tenant: 'casa' }, keys)).toEqual([{ subject_id: 'factor:casa-ana' }]);
  const whose = { subject: 'c2', class: 'discretionary' } as const;
  const making = store.within({ tenant: 'casa' }, (transaction) =>
    database.vault.sealer('casa', [whose], transaction),
  );
  await expect(making).rejects.toThrow('42501');
  const [first = ''] = recoveryCodes;
  expect(await factors.verify(account('casa'), first)).toEqual({ verdict: 'right', recovered: true });
  expect(await factors.verify(account('casa'), first)).toMatchObject({ verdict: 'used' });
});

test('a ticket is redeemed once, and its session says who comes', async () => {
  const sessions = open();
  const accounts = {
    byId: async () => account('casa'),
    byEmail: async () => undefined,
    tenant: async () => undefined,
  };
  const tickets = openTickets(store, accounts, sessions);
  const { session } = await sessions.open(account('casa'), proof());
  const identity = { ...proof(), tenant: 'casa', subject: 'casa-ana', role: 'admin', person: undefined };
  const { ticket } = await tickets.issue({
    ...identity,
    session: session.id,
    expiresAt: Date.now() + 60_000,
  });
  expect(await tickets.redeem(ticket)).toMatchObject({
    tenant: 'casa',
    subject: 'casa-ana',
    session: session.id,
  });
  await expect(tickets.redeem(ticket)).rejects.toThrow('AUTH_REPLAY');
  await expect(tickets.redeem(ticket.replace('casa', 'other'))).rejects.toThrow('AUTH_INVALID');
});
