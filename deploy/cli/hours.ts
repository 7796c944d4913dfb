import { readFileSync } from 'node:fs';
import { type Declared, declared } from '@jangada/agenda/declared.ts';
import { readConfig } from '@jangada/config/config.ts';
import { Command } from 'commander';
import { z } from 'zod';
import { rowsOf } from './database.ts';
import { Failure, messageOf } from './failure.ts';
import { type Format, jsonOption, print, table } from './output.ts';

interface Options extends Format {
  readonly tenant: string;
}

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

const spansText = (spans: readonly (readonly string[])[] = []): string =>
  spans.map((span) => span.join('–')).join(', ') || 'closed';

const calendarText = (calendar: Declared | null): string => {
  if (!calendar) return 'always open: no hours were set';
  const { week, exceptions = {}, holidays = {} } = calendar;
  return table(
    ['day', 'open'],
    [
      ...days.map((day, at) => [day, spansText(week[String(at + 1) as keyof Declared['week']])]),
      ...Object.entries(holidays).map(([date, name]) => [date, `closed: ${name}`]),
      ...Object.entries(exceptions).map(([date, spans]) => [date, spansText(spans)]),
    ],
  );
};

/** Rows of the tenant, after a change of it. @throws Failure where there is none */
const calendarOf = async (tenant: string, statement: string, values: readonly unknown[]) => {
  const { DATABASE_TENANT_URLS: apart } = readConfig(['DATABASE_TENANT_URLS']);
  if (apart[tenant] !== undefined)
    throw new Failure(
      `${tenant} has a database of its own (DATABASE_TENANT_URLS), which this command does not reach`,
    );
  const [row] = await rowsOf<{ calendar: Declared | null }>(statement, [tenant, ...values]);
  if (!row) throw new Failure(`there is no tenant ${tenant}`);
  return row.calendar;
};

/** @throws Failure that names what is wrong */
const readCalendar = (file: string): Declared => {
  try {
    return declared.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Failure(
      `${file} is no calendar: ${error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)}`,
    );
  }
};

const put = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .requiredOption('--tenant <tenant>', 'of this tenant')
    .addOption(jsonOption());

const update = 'update tenants set calendar = $2 where id = $1 returning calendar';

/** `hours`: when a tenant is open. Whoever decides on a booking reads it each time. */
export const hoursCommand = (): Command =>
  new Command('hours')
    .description('when a tenant is open, by the clock on its wall')
    .addCommand(
      put('show', 'tell its hours and holidays').action(async ({ tenant, ...format }: Options) => {
        const calendar = await calendarOf(tenant, 'select calendar from tenants where id = $1', []);
        print(format, calendar, () => calendarText(calendar));
      }),
    )
    .addCommand(
      put('set', 'put those of a file in the place of all that were')
        .argument('<file>', 'JSON: week, exceptions, holidays')
        .action(async (file: string, { tenant, ...format }: Options) => {
          const calendar = await calendarOf(tenant, update, [JSON.stringify(readCalendar(file))]);
          print(format, calendar, () => calendarText(calendar));
        }),
    )
    .addCommand(
      put('reset', 'always open again').action(async ({ tenant, ...format }: Options) => {
        const calendar = await calendarOf(tenant, update, [null]);
        print(format, calendar, () => calendarText(calendar));
      }),
    );
