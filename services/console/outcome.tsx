import { useLanguage } from './language.ts';

export const endings = ['answered', 'refused', 'interrupted', 'failed', 'cancelled'] as const;
export type Ended = (typeof endings)[number];

const tones: Readonly<Record<Ended, string>> = {
  answered: 'good',
  refused: 'held',
  interrupted: 'plain',
  failed: 'bad',
  cancelled: 'plain',
};

/** How a run ended, in a word; the colour only repeats it. */
export const Outcome = ({ ended }: { ended: Ended }) => {
  const { words } = useLanguage();
  return <span className={`tag tag-${tones[ended]}`}>{words.runs.endings[ended]}</span>;
};

/** A time in a language, to the second. */
export const Moment = ({ at, zone }: { at: string; zone: string }) => {
  const { language } = useLanguage();
  const shown = new Intl.DateTimeFormat(language, {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  }).format(new Date(at));
  return <time dateTime={at}>{shown}</time>;
};

/** Time taken: ms below a second, else seconds. */
export const Took = ({ ms }: { ms: number | null }) => {
  const { language } = useLanguage();
  if (ms === null) return '–';
  const [value, unit] = ms < 1_000 ? [ms, 'ms'] : [ms / 1_000, 's'];
  const digits = unit === 's' ? 1 : 0;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)} ${unit}`;
};

const ages = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** How long ago a time was, in words; the time itself for who points at it. */
export const Age = ({ at }: { at: string }) => {
  const { language } = useLanguage();
  const ms = Math.max(0, Date.now() - Date.parse(at));
  const [unit, size] = ages.find(([, size]) => ms >= size) ?? ages[3];
  const told = new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(
    -Math.floor(ms / size),
    unit,
  );
  return (
    <time dateTime={at} title={new Date(at).toLocaleString(language)}>
      {told}
    </time>
  );
};
