import type { Calendar } from '@jangada/agenda/hours.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Agenda, evolveAgenda, noAgenda, type Slot } from './agenda.ts';
import { hoursOf, openIn } from './opening.ts';

const at = (text: string): number => Date.parse(text);
const minutesOf = (slots: readonly Slot[]): number =>
  slots.reduce((sum, { from, until }) => sum + (until - from) / 60_000, 0);

const clinic: Calendar = {
  zone: 'America/Sao_Paulo',
  week: {
    3: [
      ['08:00', '12:00'],
      ['13:00', '18:00'],
    ],
  },
  holidays: { '2026-11-25': 'x' },
};
const wednesday = { from: at('2026-11-18T03:00Z'), until: at('2026-11-19T03:00Z') };
const taking = (...slots: Slot[]): Pick<Agenda, 'opened' | 'taken'> => ({
  opened: [],
  taken: Object.fromEntries(slots.map((slot, holder) => [holder, slot])),
});

test('what is booked in a break or after closing is no time that could be booked', () => {
  const agenda = taking(
    { from: at('2026-11-18T11:00Z'), until: at('2026-11-18T15:00Z') },
    { from: at('2026-11-18T22:00Z'), until: at('2026-11-18T23:00Z') },
  );
  const { open, free } = hoursOf([agenda], openIn(clinic, wednesday), wednesday);
  expect([minutesOf(open), minutesOf(free)]).toEqual([540, 300]);
  expect(free).toEqual([{ from: at('2026-11-18T16:00Z'), until: at('2026-11-18T21:00Z') }]);
});

test('a place that is shut offers nothing, and one that never said when it is open always is', () => {
  const holiday = { from: at('2026-11-25T03:00Z'), until: at('2026-11-26T03:00Z') };
  expect(hoursOf([], openIn(clinic, holiday), holiday)).toEqual({ open: [], taken: [], free: [] });
  expect(hoursOf([], openIn(undefined, holiday), holiday)).toMatchObject({
    open: [holiday],
    free: [holiday],
  });
});

test('what a provider said last of a time holds of it, and elsewhere they are there', () => {
  const within = (from: string, until: string) => ({
    from: `2026-11-18T${from}Z`,
    until: `2026-11-18T${until}Z`,
  });
  const opened = (of: ReturnType<typeof within>, ...open: ReturnType<typeof within>[]) =>
    ({ type: 'opened', within: of, open }) as const;
  const agenda = evolveAgenda(noAgenda, {
    ...{ version: 1, command: 'c' },
    changes: [opened(within('11:00', '13:00')), opened(within('12:00', '14:00'), within('12:00', '12:30'))],
  });
  const { free } = hoursOf([agenda], openIn(clinic, wednesday), wednesday);
  expect(
    free.map(({ from, until }) => [new Date(from).toISOString().slice(11, 16), minutesOf([{ from, until }])]),
  ).toEqual([
    ['11:00', 90],
    ['14:00', 60],
    ['16:00', 300],
  ]);
});

const hour = 3_600_000;
const slots = fc
  .array(fc.tuple(fc.integer({ min: -10, max: 60 }), fc.integer({ min: 1, max: 8 })), { maxLength: 8 })
  .map((all) =>
    all.map(([from, length]) => ({
      from: wednesday.from + from * hour,
      until: wednesday.from + (from + length) * hour,
    })),
  );

test('no moment is free and taken, none is free that is not open, and none is lost', () => {
  fc.assert(
    fc.property(slots, slots, slots, (place, taken, open) => {
      const within = { from: wednesday.from, until: wednesday.from + 40 * hour };
      const opened = [{ within: { from: within.from, until: within.from + 20 * hour }, open }];
      const hours = hoursOf([{ ...taking(...taken), opened }], place, within);
      const isIn = (moment: number, all: readonly Slot[]): boolean =>
        all.some(({ from, until }) => from <= moment && moment < until);
      for (let moment = within.from + hour / 2; moment < within.until; moment += hour) {
        const isThere = moment < within.from + 20 * hour ? isIn(moment, open) : true;
        const isOpen = isIn(moment, place) && isThere;
        expect([isIn(moment, hours.open), isIn(moment, hours.taken), isIn(moment, hours.free)]).toEqual([
          isOpen,
          isIn(moment, taken),
          isOpen && !isIn(moment, taken),
        ]);
      }
    }),
    { numRuns: 60 },
  );
});
