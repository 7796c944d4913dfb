import { freePort } from '@jangada/servers/server.ts';
import { until } from '@jangada/testkit/until.ts';
import { type Journey, startJourney } from '../journeys/journey.ts';
import type { Person } from '../journeys/person.ts';
import type { Supervised } from '../supervise.ts';
import { type Pace, type PacedModel, startModel } from './model.ts';

/** The whole system with two edges, and a model that takes its time. */
export interface Ground extends AsyncDisposable {
  readonly journey: Journey;
  readonly model: PacedModel;
  readonly edges: readonly [Edge, Edge];
  readonly person: Person;
}

/** One replica of the edge, as a process of its own. */
export interface Edge {
  readonly url: string;
  readonly process: Supervised;
}

/** No two alike, so that none is answered from the cache. */
export const openQuestions = () => {
  let asked = 0;
  const beginning = 'quantas consultas de Ana Lima em';
  return {
    beginning,
    next: (): string =>
      `${beginning} ${new Date(Date.UTC(2_010, 0, 1 + asked++)).toISOString().slice(0, 10)}?`,
  };
};

export const isReady = ({ url }: Pick<Edge, 'url'>): Promise<boolean> =>
  fetch(`${url}/v1/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

/** Starts one edge more. */
export const anotherEdge = async (
  { system }: Journey,
  env: Readonly<Record<string, string>> = {},
): Promise<Edge> => {
  const port = await freePort();
  const process = await system.replica('edge', { JANGADA_PORT: String(port), ...env });
  const edge = { url: `http://127.0.0.1:${port}`, process };
  await until('another edge to be ready', () => isReady(edge), 30_000);
  return edge;
};

export const startGround = async (pace: Pace): Promise<Ground> => {
  const model = await startModel(pace);
  const journey = await startJourney({ env: { AI_SERVICE_URL: model.url, RUN_DEADLINE_MS: '60000' } });
  const process = journey.system.services.get('edge');
  if (!process) throw new Error('the system has no edge');
  const edges = [{ url: journey.system.local.edgeUrl, process }, await anotherEdge(journey)] as const;
  return {
    journey,
    model,
    edges,
    person: await journey.as('professional'),
    [Symbol.asyncDispose]: async () => {
      await journey[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    },
  };
};
