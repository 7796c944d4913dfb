import type { Trail } from './test-trail.ts';

/** One change of a trail by who can write it but cannot sign, drawn at random. */
export interface Mutation extends Trail {
  /** What was done, to find it again. */
  readonly done: string;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export const numbersOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

type Fields = Record<string, unknown>;
type Draw = (below: number) => number;

const changed = (value: unknown, draw: Draw): unknown => {
  if (typeof value === 'string') {
    const at = draw(value.length + 1);
    return `${value.slice(0, at)}${String.fromCharCode(97 + draw(26))}${value.slice(at)}`;
  }
  if (typeof value === 'number') return value + 1 + draw(5);
  if (typeof value === 'boolean') return !value;
  if (value === null) return 'something';
  if (Array.isArray(value)) return [...value, 'more'];
  const fields = Object.entries(value as Fields);
  const [name, inner] = fields[draw(fields.length)] ?? ['added', null];
  return { ...(value as Fields), [name]: changed(inner, draw) };
};

/** Another bit in bytes that are written in base64. */
const flipped = (text: string, draw: Draw): string => {
  const bytes = Buffer.from(text, 'base64');
  const at = draw(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8));
  return bytes.toString('base64');
};

/** A change of one line, or of where lines stand. `at` is a line of the dump other than the head. */
const changes: readonly ((lines: string[], at: number, draw: Draw) => string | undefined)[] = [
  (lines, at, draw) => {
    const line = JSON.parse(lines[at] ?? '') as Record<string, Fields>;
    const [kind = '', fields = {}] = Object.entries(line)[0] ?? [];
    const names = Object.keys(fields);
    const name = names[draw(names.length)] ?? '';
    const isHash = kind === 'batch' && typeof fields[name] === 'string';
    const value = isHash ? flipped(String(fields[name]), draw) : changed(fields[name], draw);
    lines[at] = JSON.stringify({ [kind]: { ...fields, [name]: value } });
    return `edit ${kind}.${name}`;
  },
  (lines, at) => {
    lines.splice(at, 1);
    return 'delete a line';
  },
  (lines, at) => {
    lines.splice(at, 0, lines[at] ?? '');
    return 'repeat a line';
  },
  (lines, at, draw) => {
    const line = JSON.parse(lines[at] ?? '') as Record<string, Fields>;
    if (!line['entry']) return undefined;
    const placeless = draw(2) === 0 ? { shard: null, number: null } : {};
    const own = {
      ...line['entry'],
      subject: 'run-inserted',
      at: '2026-11-21T11:00:00.000000Z',
      ...placeless,
    };
    lines.splice(at + 1, 0, JSON.stringify({ entry: own }));
    return 'insert an entry';
  },
  (lines, at, draw) => {
    const other = 1 + draw(lines.length - 1);
    if (lines[at] === lines[other]) return undefined;
    [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
    return `swap with line ${other}`;
  },
  (lines, at, draw) => {
    // As a database has it after: the entries change their places, and each line is where its place is.
    const other = 1 + draw(lines.length - 1);
    const [one, two] = [at, other].map(
      (index) => JSON.parse(lines[index] ?? '')['entry'] as Fields | undefined,
    );
    if (!one || !two || at === other) return undefined;
    const placeOf = ({ shard, number }: Fields) => ({ shard, number });
    lines[at] = JSON.stringify({ entry: { ...two, ...placeOf(one) } });
    lines[other] = JSON.stringify({ entry: { ...one, ...placeOf(two) } });
    return `exchange with line ${other}`;
  },
  (lines, at) => {
    lines.length = at;
    return 'cut the end';
  },
];

/** A trail that is other than `trail` by one change. */
export const mutated = (trail: Trail, seed: number): Mutation => {
  const random = numbersOf(seed);
  const draw: Draw = (below) => Math.floor(random() * below);
  if (draw(10) === 0) {
    const checkpoints = [...trail.checkpoints];
    const at = draw(checkpoints.length);
    const [payload = '', kid = '', signature = ''] = (checkpoints[at] ?? '').split('.');
    const parts =
      draw(2) === 0 ? [flipped(payload, draw), kid, signature] : [payload, kid, flipped(signature, draw)];
    checkpoints[at] = parts
      .map((part) => part.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
      .join('.');
    return { ...trail, checkpoints, done: `edit checkpoint ${at}` };
  }
  for (;;) {
    const dump = [...trail.dump];
    const at = 1 + draw(dump.length - 1);
    const done = changes[draw(changes.length)]?.(dump, at, draw);
    if (done) return { ...trail, dump, done: `line ${at}: ${done}` };
  }
};
