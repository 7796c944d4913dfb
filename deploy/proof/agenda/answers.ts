import { agendasOf, placesOf } from '@jangada/bookings/agenda.ts';
import { agendaIdOf } from '@jangada/bookings/state.ts';
import { statusAfter } from '@jangada/proto/booking.ts';
import { alternativesMax } from '@jangada/proto/command.ts';
import type { History } from './history.ts';
import { dayOf, isCancelled, type Model, type Wrong } from './model.ts';

/** Whether what was answered, what agendas hold and what the table says are what the events of bookings say. Pure. */

/** Each command was answered once, and what was answered is what the events say. */
export const judgeAnswers = ({ given, told, events }: History, wrong: Wrong): void => {
  const answers = Map.groupBy(told, ({ id }) => id);
  const effects = Map.groupBy(
    events.filter((event) => event.kind !== 'saga'),
    ({ command }) => command,
  );
  const known = new Set(given.map(({ id }) => id));
  for (const id of answers.keys()) if (!known.has(id)) wrong(`${id} was answered, and nobody gave it`);
  for (const { id, command } of given) {
    const [answer, ...more] = answers.get(id) ?? [];
    const name = `${id} (${command.type})`;
    if (!answer) {
      wrong(`${name} was never answered`);
      continue;
    }
    if (more.length > 0)
      wrong(`${name} was answered ${[answer, ...more].map(({ outcome }) => outcome).join(' and ')}`);
    const own = effects.get(id) ?? [];
    const changes = own.filter((event) => event.kind === 'booking');
    if (answer.outcome === 'failed') wrong(`${name} failed with ${answer.code}`);
    else if (answer.outcome === 'refused') {
      if (own.length > 0) wrong(`${name} was refused with ${answer.code}, and changed something`);
      const { alternatives = [] } = answer;
      if (alternatives.length > alternativesMax) wrong(`${name} was offered ${alternatives.length} times`);
      if ('start' in command && alternatives.some((at) => Date.parse(at) <= Date.parse(command.start)))
        wrong(`${name} was offered a time before the one that it wanted`);
    } else if (command.type === 'RegisterAvailability') {
      const days = agendasOf('provider', command.providerId, dayOf(command)).length;
      if (own.length !== days || changes.length > 0)
        wrong(`${name} was done, and changed ${own.length} agendas of ${days}`);
    } else if (changes.length !== 1) wrong(`${name} was done, and changed a booking ${changes.length} times`);
    else if (changes[0]?.id !== answer.appointmentId || changes[0]?.version !== answer.version)
      wrong(`${name} was answered with version ${answer.version}, and made version ${changes[0]?.version}`);
  }
};

/** The agendas and their table hold what stands, and each was changed with the booking. */
export const judgeAgendas = ({ events, given, times }: History, model: Model, wrong: Wrong): void => {
  const taken = new Map<string, Map<string, string>>();
  const opened = new Map<string, string[]>();
  for (const event of events) {
    if (event.kind !== 'agenda') continue;
    const own = taken.get(event.id) ?? new Map<string, string>();
    taken.set(event.id, own);
    for (const change of event.changes) {
      if (change.type === 'taken') own.set(change.holder, `${change.from} ${change.until}`);
      else if (change.type === 'freed') own.delete(change.holder);
      else opened.set(event.command, [...(opened.get(event.command) ?? []), event.id]);
    }
  }
  const held = [...taken].flatMap(([id, own]) =>
    [...own].map(([holder, slot]) => `${holder} in ${id}: ${slot}`),
  );
  const shown = times.map(({ agenda, holder, from, until }) => `${holder} in ${agenda}: ${from} ${until}`);
  const stands = [...model.bookings.values()]
    .filter((booking) => !isCancelled(booking))
    .flatMap(({ id, details, slot }) =>
      placesOf(details, slot).map((of) => `${id} in ${agendaIdOf(of)}: ${details.start} ${details.end}`),
    );
  differ(held, stands, (what) => wrong(`an agenda holds what does not stand: booking ${what}`));
  differ(stands, held, (what) => wrong(`an agenda lacks what stands: booking ${what}`));
  differ(shown, held, (what) => wrong(`the table of agendas has booking ${what}`));
  differ(held, shown, (what) => wrong(`the table of agendas lacks booking ${what}`));
  const whose = new Map(given.map(({ id, command }) => [id, command]));
  for (const [id, agendas] of opened) {
    const command = whose.get(id);
    const expected =
      command?.type === 'RegisterAvailability'
        ? agendasOf('provider', command.providerId, dayOf(command)).map((of) => agendaIdOf(of))
        : [];
    differ(agendas, expected, (agenda) => wrong(`${id} opened agenda ${agenda}, which it does not name`));
  }
};

const differ = (some: readonly string[], others: readonly string[], tell: (one: string) => void): void => {
  const known = new Set(others);
  for (const one of some) if (!known.has(one)) tell(one);
};

/** The table says what the events say. */
export const judgeRows = ({ rows }: History, model: Model, wrong: Wrong): void => {
  const expected = [...model.bookings.values()].map(({ id, version, type, details }) =>
    JSON.stringify(
      [id, details.subjectId, details.providerId, details.roomId ?? null, details.service ?? null].concat([
        details.start,
        details.end,
        statusAfter[type],
        String(version),
      ]),
    ),
  );
  const found = rows.map((row) =>
    JSON.stringify([
      row.id,
      row.subject,
      row.provider,
      row.room,
      row.service,
      row.start,
      row.end,
      row.status,
      String(row.version),
    ]),
  );
  differ(found, expected, (row) => wrong(`the table has ${row}`));
  differ(expected, found, (row) => wrong(`the table lacks ${row}`));
};
