import { parseArgs } from 'node:util';
import { agenda, changed, type Details, detailsVersion } from '@jangada/proto/booking.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, subjectOf } from '@jangada/proto/message.ts';
import { openBus } from '@jangada/runtime/bus.ts';
import { makeEventKeys, sealDetails } from '@jangada/vault/events.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import { project } from '../../services/projection/bookings.ts';
import { remark, table } from '../cli/output.ts';
import { eventsOfTenant, rebuild } from '../projection.ts';
import { startBroker } from '../test-broker.ts';
import { startDatabase, tenantSql } from '../test-database.ts';

/**
 * `npm run proof:rebuild`: the tables of bookings and agendas are made anew from so many events; they are the same, and take no more
 * memory for many events than for few. `--events 1000000` is the whole.
 */

const { values: options } = parseArgs({ options: { events: { type: 'string', default: '1000000' } } });
/** Each version of a booking makes two: its own, and its agenda's. */
const count = 2 * Math.ceil(Number(options.events) / 2);
const tenant = 'casa';
/** How much more the last quarter may take than the second; what runs beside is uneven. */
const [ratioMax, slackMb] = [1.15, 16];

await using broker = await startBroker();
await using database = await startDatabase();
await database.administer(tenantSql(tenant));
const settings = { NATS_URL: broker.url, NATS_NKEY_SEED: broker.seedOf('scheduling') };
const bus = await openBus('scheduling', settings);
const scheduling = await database.storeOf('scheduling');
const projection = await database.storeOf('projection');
await using operator = await broker.as('operator');
const jsm = await jetstreamManager(operator.nc, { checkAPI: false });
const { vault } = database;

const types = [
  'AppointmentScheduled',
  'AppointmentRescheduled',
  'AppointmentConfirmed',
  'AppointmentCancelled',
] as const;
const [providers, people] = [200, 2_000];
const minuteMs = 60_000;
const beginning = Date.parse('2030-01-01T00:00:00.000Z');

/** The details of a version. Two slots of half an hour are each booking's own: where it is made, and where it is moved. */
const detailsOf = (booking: number, version: number): Details => {
  const slot = Math.floor(booking / providers) * 2 + (version > 1 ? 1 : 0);
  const start = beginning + slot * 30 * minuteMs;
  return {
    ...{ subjectId: `c${booking % people}`, providerId: `p${booking % providers}`, by: 'user', hash: 'hash' },
    ...{ start: new Date(start).toISOString(), end: new Date(start + 30 * minuteMs).toISOString() },
    ...(booking % 2 === 0 ? {} : { service: 'Peeling' }),
  };
};
const idOf = (booking: number): string => `b${booking}`;
/** Half of the bookings are cancelled, and the others are confirmed last. */
const versionsOf = (booking: number): number => types.length - (booking % 2);

/** The time that a version takes, in an agenda of its provider's. */
const agendaOf = (booking: number, version: number): Pick<Body<typeof agenda>, 'changes'> => {
  const [holder, { start: from, end: until }] = [idOf(booking), detailsOf(booking, version)];
  const isFreed = types[version - 1] === 'AppointmentCancelled';
  return { changes: [isFreed ? { type: 'freed', holder } : { type: 'taken', holder, from, until }] };
};

/** Bookings that are made at the same time; their events come in turns. */
const lot = 1_000;
remark(`${count} events`);
let published = 0;
const publish = (message: Message, id: string, body: { readonly version: number }): Promise<unknown> =>
  bus.publish(subjectOf(message, tenant, id), JSON.stringify(body), {
    [headers.schema]: String(message.version),
    [headers.messageId]: bus.messageId(id, body.version),
  });
for (let first = 0; published < count; first += lot) {
  const bookings = Array.from({ length: lot }, (_, at) => first + at);
  const begun = bookings.map((booking) => ({ id: idOf(booking), subject: detailsOf(booking, 1).subjectId }));
  const keys = await scheduling.within({ tenant }, (transaction) =>
    makeEventKeys(transaction, vault, tenant, begun),
  );
  for (const [at, type] of types.entries()) {
    const version = at + 1;
    const stored = bookings
      .filter((booking) => version <= versionsOf(booking))
      .slice(0, (count - published) / 2)
      .flatMap((booking) => {
        const id = idOf(booking);
        const key = keys.get(id);
        if (!key) throw new Error('a booking has a key');
        const details = sealDetails(key, { tenant, id, version }, detailsOf(booking, version));
        const common = { at: new Date().toISOString(), command: `${id}-${version}` };
        // Many bookings stand in one agenda, in the order in which they are told.
        const place = first * types.length + at * lot + (booking - first) + 1;
        return [
          publish(changed, id, { version, ...common, type, detailsVersion, details } as Body<typeof changed>),
          publish(agenda, `a${booking % providers}`, {
            version: place,
            ...common,
            ...agendaOf(booking, version),
          }),
        ];
      });
    await Promise.all(stored);
    published += stored.length;
  }
  if ((first / lot) % 50 === 0) remark(`${published} are stored`);
}
await bus.close();

interface Rate {
  readonly seconds: number;
  readonly memory: readonly { readonly rss: number; readonly heap: number }[];
}
const megabyte = 2 ** 20;
const measured = async (work: () => Promise<unknown>): Promise<Rate> => {
  const memory: { rss: number; heap: number }[] = [];
  const sample = (): void => {
    const { rss, heapUsed } = process.memoryUsage();
    memory.push({ rss: rss / megabyte, heap: heapUsed / megabyte });
  };
  const sampling = setInterval(sample, 50);
  const startedAt = performance.now();
  await work();
  clearInterval(sampling);
  sample();
  return { seconds: (performance.now() - startedAt) / 1_000, memory };
};
/** The median of a quarter, from 1 to 4. */
const inQuarter = (figures: readonly number[], quarter: number): number => {
  const each = figures.length / 4;
  const own = figures
    .slice(Math.floor(each * (quarter - 1)), Math.ceil(each * quarter))
    .sort((a, b) => a - b);
  return own[Math.floor(own.length / 2)] ?? Number.NaN;
};

remark('the projection takes them in');
const taken = await measured(async () => {
  for await (const events of eventsOfTenant(jsm, tenant)) await project(projection, vault, tenant, events);
});
remark('the table is made anew');
let result: Awaited<ReturnType<typeof rebuild>> | undefined;
const made = await measured(async () => {
  result = await rebuild({ store: projection, jsm, vault }, tenant);
});

const lines = [
  ['taken in', taken],
  ['made anew', made],
] as const;
process.stdout.write(
  `${table(
    ['', 'events', 'seconds', 'a second', 'RSS MB, 2nd quarter', 'last', 'heap MB, 2nd quarter', 'last'],
    lines.map(([name, { seconds, memory }]) => [
      ...[name, count, Number(seconds.toFixed(1)), Math.round(count / seconds)],
      ...[memory.map(({ rss }) => rss), memory.map(({ heap }) => heap)].flatMap((figures) =>
        [2, 4].map((quarter) => Math.round(inQuarter(figures, quarter))),
      ),
    ]),
  )}\n\nbefore ${result?.before}\nafter  ${result?.after}\n`,
);
const failures: string[] = [];
if (result?.before !== result?.after) failures.push('the table is another');
if (result?.events !== count) failures.push(`it was made of ${result?.events} events`);
for (const [name, { memory }] of lines) {
  const rss = memory.map((one) => one.rss);
  const [second, last] = [inQuarter(rss, 2), inQuarter(rss, 4)];
  if (last > second * ratioMax + slackMb) failures.push(`${name}: memory grows from ${second} to ${last} MB`);
}
for (const failure of failures) remark(`DOES NOT HOLD: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
