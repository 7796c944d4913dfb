import type { Row } from '@jangada/proto/run.ts';
import { type Answer, aboutOf, cellsOf, isMoney, type Manner } from './compose.ts';
import { dateForms, figureForms, moneyForms, timeForms } from './forms.ts';
import type { Phrase } from './phrases.ts';

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const calendarDay = /^\d{4}-\d\d-\d\d$/;
const figure = /^-?\d+(?:\.\d+)?$/;

/** Everything that may be said of granted rows and of the question, however it is written. */
export function* grantedPhrases(answer: Answer, manner: Manner): Generator<Phrase> {
  const { question, rows, matches, plan, locale } = answer;
  const text = (said: string): Phrase => ({ text: said, kind: 'text' });
  if (question) yield text(question);
  const { subject, provider, period } = plan.filter;
  for (const said of [subject, provider, aboutOf(answer, manner)]) if (said) yield text(said);
  if (period) {
    yield* dated(Temporal.Instant.from(period.from).toZonedDateTimeISO(manner.zone), locale);
    // Half-open: the last day is the one before.
    const last = Temporal.Instant.from(period.to).subtract({ nanoseconds: 1 });
    yield* dated(last.toZonedDateTimeISO(manner.zone), locale);
  }
  for (const count of [matches, rows.length]) yield* figures(count, locale);
  for (const row of rows) {
    for (const told of Object.values(cellsOf(row, answer, manner))) yield text(told);
    for (const [name, value] of Object.entries(row)) yield* valued(name, value, locale, manner);
  }
  // What the composer adds up, a model may.
  if (plan.ask === 'perDay')
    for (const name of ['count', 'amount'])
      yield* valued(
        name,
        rows.reduce((sum, row) => sum + Number(row[name] ?? 0), 0),
        locale,
        manner,
      );
}

function* valued(
  name: string,
  value: Row[string] | undefined,
  locale: Answer['locale'],
  manner: Manner,
): Generator<Phrase> {
  if (value == null || typeof value === 'boolean') return;
  const written = String(value);
  // As it was given, but a moment: it is in another zone than the one it is told in.
  if (figure.test(written)) yield { text: written, kind: 'figure' };
  if (isMoney(name))
    for (const text of moneyForms(Number(value), locale, manner)) yield { text, kind: 'figure' };
  else if (figure.test(written)) yield* figures(Number(value), locale);
  else if (calendarDay.test(written))
    for (const text of dateForms(Temporal.PlainDate.from(written), locale)) yield { text, kind: 'date' };
  else if (instant.test(written))
    yield* dated(Temporal.Instant.from(written).toZonedDateTimeISO(manner.zone), locale);
}

function* figures(value: number, locale: Answer['locale']): Generator<Phrase> {
  for (const text of figureForms(value, locale)) yield { text, kind: 'figure' };
}

function* dated(moment: Temporal.ZonedDateTime, locale: Answer['locale']): Generator<Phrase> {
  for (const text of dateForms(moment.toPlainDate(), locale)) yield { text, kind: 'date' };
  for (const text of timeForms(moment.toPlainTime())) yield { text, kind: 'date' };
}
