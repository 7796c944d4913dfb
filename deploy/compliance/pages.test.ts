import { Writable } from 'node:stream';
import { writePdf } from '@jangada/document/document.ts';
import { packOf, packs } from '@jangada/packs/registry.ts';
import { expect, test } from 'vitest';
import { pagesOf } from './pages.ts';
import { regimes, rulesOf } from './regimes.ts';
import { registerOf } from './register.ts';
import type { Report } from './report.ts';

const register = registerOf(packOf('aesthetic-clinic'));

test('the register says of each kind of data what the pack declares, and nothing that it does not', () => {
  expect(register.find(({ source }) => source === 'aesthetic_records')).toMatchObject({
    about: 'clients',
    purposes: [
      { name: 'care', roles: ['admin', 'aesthetic_professional'], groupMin: null },
      { name: 'statistics', roles: ['admin', 'aesthetic_professional'], groupMin: 5 },
    ],
    consent: 'health',
    retention: { class: 'aesthetic_records', keep: 'P25Y' },
  });
  const clients = register.find(({ source }) => source === 'clients');
  expect(clients?.purposes.find(({ name }) => name === 'administration')?.secondFactor).toBe(true);
  expect(clients?.fields.find(({ name }) => name === 'email')).toEqual({
    ...{ name: 'email', personal: true, sealed: true },
    maskedFor: ['aesthetic_professional'],
  });
  expect(register.find(({ source }) => source === 'conversations')?.about).toBe('account');
});

test.each(packs.map((pack) => [pack.name, pack] as const))(
  'every kind of data about people that %s keeps has a purpose and an end',
  (_name, pack) => {
    const about = registerOf(pack).filter((one) => one.about !== null);
    expect(about.filter(({ purposes }) => purposes.length === 0)).toEqual([]);
    // What people agreed to stays as long as anybody may ask.
    expect(about.filter(({ source, retention }) => source !== 'consents' && retention === null)).toEqual([]);
  },
);

const at = '2026-03-02T12:00:00.000Z';
const report = (own: Partial<Report>): Report => ({
  ...{ tenant: 'casa', name: 'Casa', zone: 'America/Sao_Paulo', locale: 'en' },
  ...{ pack: 'aesthetic-clinic 1.0.0', regime: 'lgpd', isDeclared: true, at, days: 365 },
  ...{ register, reads: [], refusals: [], alerts: [], consents: [] },
  retention: { rules: [], sweptAt: null },
  ...own,
});

test.each(regimes)(
  'a report by %s names it and where it asks for each part, and is laid out',
  async (regime) => {
    const subject = {
      id: 'cli-1',
      accesses: [
        { at, actor: 'casa-nurse', role: 'client', purpose: null, resource: 'clients', run: 'run-1' },
      ],
      emergencies: [{ at, provider: 'pro-1', reason: 'emergency' }],
      consents: [],
    };
    const pages = pagesOf(report({ regime, isDeclared: false, subject }));
    const text = JSON.stringify(pages);
    for (const part of Object.values(rulesOf[regime].basis)) expect(text).toContain(part);
    expect(text).toContain('does not say that it is written for');
    expect(text).toContain('casa-nurse');
    let bytes = 0;
    await writePdf(
      pages,
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          bytes += chunk.length;
          done();
        },
      }),
    );
    expect(bytes).toBeGreaterThan(2_000);
  },
);

test('a report in Portuguese calls everything by its name there', () => {
  const alerts = [{ rule: 'off_hours', severity: 'warning', count: 1 }] as const;
  const reads = [{ role: 'admin', purpose: null, resource: 'aesthetic_records', count: 1 }];
  const retention = { rules: [{ class: 'aesthetic_records', keep: 'P25Y', isHeld: true }], sweptAt: at };
  const pages = pagesOf(
    report({ locale: 'pt-BR', alerts, reads, retention, consents: [{ level: 'health', people: 3 }] }),
  );
  expect(pages).toMatchObject({
    language: 'pt-BR',
    title: 'Tratamento de dados pessoais: LGPD (Lei 13.709/2018)',
  });
  const text = JSON.stringify(pages);
  for (const word of [
    'prontuários',
    '25 anos',
    'horário incomum',
    'aviso',
    'saúde',
    'administração',
    'habitual',
  ])
    expect(text).toContain(word);
  expect(text).not.toMatch(/aesthetic_records|P25Y|off_hours|"health"|"admin"|consent\b/);
});
