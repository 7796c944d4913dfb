import { until } from '@jangada/testkit/until.ts';
import type { Journey } from '../journeys/journey.ts';
import type { Person } from '../journeys/person.ts';
import { type Role, roles } from './reach.ts';

/** What everybody asks every day. */
const ordinary: Readonly<Record<Role, readonly string[]>> = {
  client: [
    'quais são as minhas consultas este mês?',
    'quantas consultas eu tenho este mês?',
    'what are my bills this month?',
  ],
  professional: [
    'lista de clientes',
    'quais consultas tenho hoje?',
    'how many appointments do I have this month?',
  ],
  admin: ['quantas consultas este mês?', 'lista de consultas de hoje', 'total billing this month'],
};

export interface Asked {
  readonly role: Role;
  readonly question: string;
}

/** Each text by each role, alone and behind an ordinary question. */
export const questionsOf = (texts: readonly string[]): readonly Asked[] =>
  roles.flatMap((role) =>
    texts.flatMap((text, at) => [
      { role, question: text },
      { role, question: `${ordinary[role][at % ordinary[role].length]} ${text}`.slice(0, 2_000) },
    ]),
  );

/** A run of somebody, as it was asked and answered. */
export interface Run extends Asked {
  readonly id: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly content: string;
  /** Lost, and asked again. */
  readonly isRepeated: boolean;
}

/** What is taken for an answer where none came. */
const noAnswer = { runId: '', status: 503, code: undefined, content: '' };

/** True of a run that shows nothing: it came too late, or found nobody or no room. */
export const isLost = ({ status }: Pick<Run, 'status'>): boolean =>
  status >= 500 || [401, 408, 429].includes(status);

/** How often something is asked that is lost. */
const attempts = 5;

/** Asks everything, so many at once, and again what is lost; gives every run there was. */
export const askAll = async (
  journey: Journey,
  all: readonly Asked[],
  { atOnce }: { readonly atOnce: number },
): Promise<readonly Run[]> => {
  const runs: Run[] = [];
  let people = new Map<Role, Person>();
  let next = 0;
  const signIn = async (): Promise<void> => {
    const signedIn = (role: Role) =>
      until(`${role} to be signed in`, () => journey.as(role).catch(() => undefined), 120_000);
    const fresh = await Promise.all(roles.map(async (role) => [role, await signedIn(role)] as const));
    people = new Map(fresh);
  };
  await signIn();
  // A token lasts ten minutes.
  const renewal = setInterval(() => void signIn().catch(() => undefined), 180_000);
  const askOne = async (one: Asked): Promise<void> => {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const answer = await people
        .get(one.role)
        ?.query(one.question)
        .catch(() => noAnswer);
      if (!answer) return;
      const { runId, status, code, content } = answer;
      const isRepeated = isLost({ status }) && attempt < attempts;
      runs.push({ ...one, id: runId, status, code, content: content ?? '', isRepeated });
      if (!isRepeated) return;
    }
  };
  const worker = async (): Promise<void> => {
    for (let one = all[next++]; one; one = all[next++]) await askOne(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker)).finally(() => clearInterval(renewal));
  return runs;
};
