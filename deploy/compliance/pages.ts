import { type Document, fitted, type Part } from '@jangada/document/document.ts';
import { columnOf } from '@jangada/packs/column.ts';
import type { Wording } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import { rulesOf } from './regimes.ts';
import type { Report } from './report.ts';
import { words } from './words.ts';

/** A report as it is handed on. */
export const pagesOf = (report: Report, locale: Locale = report.locale): Document => {
  const { tenant, regime, isDeclared, at, days, subject } = report;
  const { title, basis, declared } = rulesOf[regime];
  const w = words[locale];
  const call = callerOf(report, locale);
  return {
    title: `${w.title}: ${title}`,
    language: locale,
    at: new Date(at),
    footer: `${report.name} (${tenant}) · ${declared} · ${call.moment(at)}`,
    parts: [
      { text: w.about({ tenant: report.name, pack: report.pack, at: call.moment(at), days }) },
      { text: isDeclared ? w.declared(declared) : w.undeclared(declared) },
      { text: w.made },
      ...(subject ? subjectParts(report, subject, call) : []),
      ...registerParts(report, call),
      { heading: `${w.consent} (${basis.consent})` },
      call.table(
        w.levels,
        report.consents.map(({ level, people }) => [call.label('level', level) ?? w.noConsent, people]),
      ),
      { heading: `${w.retention} (${basis.retention})` },
      { text: report.retention.sweptAt ? w.applied(call.moment(report.retention.sweptAt)) : w.unapplied },
      call.table(
        w.kept,
        report.retention.rules.map(({ class: of, keep, isHeld }) => [
          ...[call.kind(of), call.period(keep), isHeld ? w.held : ''],
        ]),
      ),
      { heading: `${w.accesses} (${basis.access})` },
      call.table(
        w.reads,
        report.reads.map(({ role, purpose, resource, count }) => [
          ...[
            call.label('role', role),
            call.label('purpose', purpose) ?? w.usual,
            call.data(resource),
            count,
          ],
        ]),
      ),
      { heading: `${w.oversight} (${basis.oversight})` },
      call.table(
        w.refused,
        report.refusals.map(({ code, count }) => [code, count]),
      ),
      call.table(
        w.raised,
        report.alerts.map(({ rule, severity, count }) => [w.rules[rule], w.severities[severity], count]),
      ),
    ],
  };
};

type Cell = string | number | null | undefined;

/** What things of a report are called in a language. What has no name there stands as it is. */
interface Caller {
  readonly locale: Locale;
  readonly wording: Wording;
  moment(at: string): string;
  /** A period of ISO 8601 with one unit. */
  period(text: string): string;
  label(of: 'level' | 'role' | 'purpose' | 'basis' | 'channel', name: string | null): string | undefined;
  /** A class of retention. */
  kind(name: string): string;
  /** A source. */
  data(name: string | null): string;
  /** A field of a source. */
  field(source: string, name: string): string;
  table(columns: readonly string[], rows: readonly (readonly Cell[])[]): Part;
}

const units = { Y: 'year', M: 'month', D: 'day' } as const;

const callerOf = ({ pack: named, zone }: Report, locale: Locale): Caller => {
  const pack = packOf(named.split(' ')[0] ?? '');
  const wording = pack.wording[locale];
  const moments = new Intl.DateTimeFormat(locale, {
    ...{ timeZone: zone, day: '2-digit', month: '2-digit', year: 'numeric' },
    ...{ hour: '2-digit', minute: '2-digit', timeZoneName: 'short' },
  });
  return {
    locale,
    wording,
    moment: (at) => moments.format(new Date(at)),
    period: (text) => {
      const [, count = '', unit = ''] = /^P(\d+)([YMD])$/.exec(text) ?? [];
      const style = { style: 'unit', unit: units[unit as keyof typeof units], unitDisplay: 'long' } as const;
      return style.unit ? new Intl.NumberFormat(locale, style).format(Number(count)) : text;
    },
    label: (of, name) => (name === null ? undefined : (wording.labels?.[of]?.[name] ?? name)),
    kind: (name) => wording.classes[name] ?? name,
    data: (name) => wording.nouns[name ?? '']?.[1] ?? name ?? '',
    field: (source, name) => {
      const column = pack.sources[source]?.fields[name]?.column ?? '';
      return wording.columns?.[columnOf(column)] ?? name;
    },
    table: (columns, rows) =>
      rows.length === 0
        ? { text: words[locale].none }
        : fitted(
            columns,
            rows.map((cells) => cells.map((cell) => String(cell ?? ''))),
          ),
  };
};

const registerParts = ({ register, regime }: Report, call: Caller): readonly Part[] => {
  const w = words[call.locale];
  return [
    { heading: `${w.register} (${rulesOf[regime].basis.register})` },
    call.table(
      w.data,
      register.map(({ source, about, purposes, consent, fields, retention }) => [
        call.data(source),
        about === 'account' ? w.account : about ? call.data(about) : w.nobody,
        purposes
          .map(({ name, roles, groupMin, secondFactor }) => {
            const own = [
              ...(groupMin === null ? [] : [w.figures(groupMin)]),
              ...(secondFactor ? [w.secondFactor] : []),
            ];
            const held = roles.map((role) => call.label('role', role)).join(', ');
            return `${call.label('purpose', name)}: ${held}${own.length > 0 ? ` (${own.join(', ')})` : ''}`;
          })
          .join('\n'),
        call.label('level', consent) ?? w.noConsent,
        fields
          .filter(({ personal }) => personal)
          .map(({ name, sealed }) => `${call.field(source, name)}${sealed ? ` (${w.encrypted})` : ''}`)
          .join(', '),
        retention ? call.period(retention.keep) : w.noRule,
      ]),
    ),
  ];
};

const subjectParts = (
  { regime }: Report,
  { id, accesses, emergencies, consents }: NonNullable<Report['subject']>,
  call: Caller,
): readonly Part[] => {
  const { basis } = rulesOf[regime];
  const { wording, locale } = call;
  const w = words[locale];
  return [
    { heading: `${w.whoRead(id)} (${basis.access})` },
    call.table(
      w.reading,
      accesses.map(({ at, actor, role, purpose, resource, run }) => [
        ...[call.moment(at), actor, call.label('role', role)],
        ...[call.label('purpose', purpose) ?? w.usual, call.data(resource), run],
      ]),
    ),
    { heading: w.emergencies(id) },
    call.table(
      w.emergency,
      emergencies.map(({ at, provider, reason }) => [
        ...[call.moment(at), provider, wording.emergency?.reasons[reason] ?? reason],
      ]),
    ),
    { heading: `${w.agreed(id)} (${basis.consent})` },
    call.table(
      w.agreement,
      consents.map(({ at, action, level, basis: why, channel }) => [
        ...[call.moment(at), wording.states[action] ?? action, call.label('level', level)],
        ...[call.label('basis', why), call.label('channel', channel)],
      ]),
    ),
  ];
};
