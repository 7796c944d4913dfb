import { type Store, written } from '@jangada/store/store.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { sql } from 'kysely';

const lookEveryMs = 15_000;
const types = { public: 'PUBLIC', tenant: 'TENANT' } as const;

interface Count {
  readonly session_type: (typeof types)[keyof typeof types];
  readonly active: number;
}

/** Tells how many sessions the shared database has, whoever's, now and then; ends when it is called. */
export const followSessions = (store: Pick<Store, 'rows'>, metrics: Metrics): (() => Promise<void>) => {
  const active = metrics.gauge(
    'ai_agent_active_sessions',
    'Sessions of questions to an agent that are not over, by the agent',
    ['agent_type'],
  );
  const look = async (): Promise<void> => {
    const statement = sql<Count>`select session_type, active from sec.active_sessions()`;
    const counts = await store.rows(written(statement));
    for (const [agent_type, type] of Object.entries(types))
      active.set({ agent_type }, counts.find((count) => count.session_type === type)?.active ?? 0);
  };
  // While the database is away the last figure stands; that it is away is told by health.
  const quietly = () => look().catch(() => undefined);
  void quietly();
  const timer = setInterval(quietly, lookEveryMs);
  return async () => clearInterval(timer);
};
