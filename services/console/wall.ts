/** Days and times by the clock on a tenant's wall, and the moments that they are. Pure. */

/** A time there: its day, as 2026-12-24, and the minutes of the clock since midnight. */
interface Wall {
  readonly day: string;
  readonly minutes: number;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (zone: string): Intl.DateTimeFormat => {
  const known = formats.get(zone);
  if (known) return known;
  const numeric = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit' } as const;
  const made = new Intl.DateTimeFormat('en-CA', {
    ...numeric,
    timeZone: zone,
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(zone, made);
  return made;
};

/** What the clock shows at a moment, in ms since 1970. */
export const wallAt = (ms: number, zone: string): Wall => {
  const parts = formatOf(zone).formatToParts(ms);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return {
    day: `${part('year')}-${part('month')}-${part('day')}`,
    minutes: Number(part('hour')) * 60 + Number(part('minute')),
  };
};

const asUtc = ({ day, minutes }: Wall): number => Date.parse(`${day}T00:00:00Z`) + minutes * minuteMs;

/**
 * The moment at which the clock shows a time: the first of two that it shows twice; of one that daylight saving skips, as much
 * later as the clock is put on.
 */
export const momentOf = (wall: Wall, zone: string): number => {
  const wanted = asUtc(wall);
  const aheadAt = (ms: number): number => asUtc(wallAt(ms, zone)) - Math.floor(ms / minuteMs) * minuteMs;
  // Clocks are put on or back once within two days at most.
  const [before, after] = [aheadAt(wanted - dayMs), aheadAt(wanted + dayMs)];
  const found = [wanted - before, wanted - after].filter((ms) => asUtc(wallAt(ms, zone)) === wanted);
  return found.length > 0 ? Math.min(...found) : wanted - before;
};

export const plusDays = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);

/** The seven days of a day's week, from Monday on. */
export const weekOf = (day: string): readonly string[] => {
  const sinceMonday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
  return Array.from({ length: 7 }, (_, at) => plusDays(day, at - sinceMonday));
};

/** As a field of a form has it: 2026-12-24T09:30. */
export const writtenOf = ({ day, minutes }: Wall): string => {
  const two = (count: number): string => String(count).padStart(2, '0');
  return `${day}T${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
};

/** Undefined for what is no such time. */
export const readWall = (written: string): Wall | undefined => {
  const [, day, hours, minutes] = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)/.exec(written) ?? [];
  return day ? { day, minutes: Number(hours) * 60 + Number(minutes) } : undefined;
};
