import type { Document, Part } from '@jangada/document/document.ts';
import { moment } from '../cli/output.ts';
import { rulesOf } from './regimes.ts';
import type { Report } from './report.ts';

/** A report as it is handed on. */
export const pagesOf = (report: Report): Document => {
  const { tenant, pack, regime, isDeclared, at, days, subject } = report;
  const { title, basis, declared } = rulesOf[regime];
  const about = [
    `Tenant ${tenant}, pack ${pack}. As of ${moment(at)} UTC; accesses, refusals and alerts of ${days} days.`,
    isDeclared
      ? `The pack says that it is written for ${declared}.`
      : `The pack does not say that it is written for ${declared}.`,
    'Made from what the system enforces and what its audit trail kept. It says what was done, and is no legal opinion.',
  ];
  return {
    title: `Processing of personal data: ${title}`,
    language: 'en',
    at: new Date(at),
    footer: `${tenant} · ${declared} · ${at}`,
    parts: [
      ...about.map((text) => ({ text })),
      ...(subject ? subjectParts(subject, basis) : []),
      ...registerParts(report, basis.register),
      { heading: `Consent (${basis.consent})` },
      table(
        ['level that holds', 'people'],
        report.consents.map(({ level, people }) => [level ?? 'none', people]),
      ),
      { heading: `Retention (${basis.retention})` },
      {
        text: report.retention.sweptAt
          ? `Last applied ${moment(report.retention.sweptAt)} UTC.`
          : 'Not applied yet.',
      },
      table(
        ['class', 'kept for', 'legal hold'],
        report.retention.rules.map(({ class: of, keep, isHeld }) => [of, keep, isHeld ? 'held' : '']),
      ),
      { heading: `Accesses (${basis.access})` },
      table(
        ['role', 'purpose', 'data', 'readings'],
        report.reads.map(({ role, purpose, resource, count }) => [role, purpose ?? 'usual', resource, count]),
      ),
      { heading: `Refusals and alerts (${basis.oversight})` },
      table(
        ['refused with', 'times'],
        report.refusals.map(({ code, count }) => [code, count]),
      ),
      table(
        ['alert', 'severity', 'times'],
        report.alerts.map(({ rule, severity, count }) => [rule.replaceAll('_', ' '), severity, count]),
      ),
    ],
  };
};

const table = (
  columns: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  widths?: readonly number[],
): Part =>
  rows.length === 0
    ? { text: 'None.' }
    : {
        columns,
        ...(widths ? { widths } : {}),
        rows: rows.map((cells) => cells.map((cell) => String(cell ?? ''))),
      };

const registerParts = ({ register }: Report, basis: string): readonly Part[] => [
  { heading: `Register of processing (${basis})` },
  table(
    ['data', 'about', 'purposes and who may', 'consent', 'personal fields', 'kept'],
    register.map(({ source, about, purposes, consent, fields, retention }) => [
      source,
      about ?? 'nobody',
      purposes
        .map(
          ({ name, roles, groupMin, secondFactor }) =>
            `${name}: ${roles.join(', ')}${groupMin === null ? '' : ` (figures of ${groupMin} or more)`}${secondFactor ? ' (second factor)' : ''}`,
        )
        .join('\n'),
      consent ?? 'none',
      fields
        .filter(({ personal }) => personal)
        .map(({ name, sealed }) => (sealed ? `${name} (encrypted)` : name))
        .join(', '),
      retention?.keep ?? 'no rule',
    ]),
    [2, 1.5, 4, 1.2, 3, 1.3],
  ),
];

const subjectParts = (
  { id, accesses, emergencies, consents }: NonNullable<Report['subject']>,
  basis: Readonly<Record<'access' | 'consent', string>>,
): readonly Part[] => [
  { heading: `Who read about ${id} (${basis.access})` },
  table(
    ['time (UTC)', 'account', 'role', 'purpose', 'data', 'run'],
    accesses.map(({ at, actor, role, purpose, resource, run }) => [
      ...[moment(at), actor, role, purpose ?? 'usual', resource, run],
    ]),
    [2, 2, 2, 1.3, 1.5, 3],
  ),
  { heading: `Emergencies about ${id}` },
  table(
    ['time (UTC)', 'provider', 'reason'],
    emergencies.map(({ at, provider, reason }) => [moment(at), provider, reason]),
  ),
  { heading: `What ${id} agreed to (${basis.consent})` },
  table(
    ['time (UTC)', 'what', 'level', 'basis', 'channel'],
    consents.map(({ at, action, level, basis: why, channel }) => [moment(at), action, level, why, channel]),
  ),
];
