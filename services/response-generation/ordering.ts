import { type Emission, emit } from '@jangada/hop/hop.ts';
import { confirmationSchema } from '@jangada/proto/command.ts';
import type { Order } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { arrange, type Setting } from './arrange.ts';
import type { Answer } from './compose.ts';

/** How an order is arranged, of whom a yes to it is asked, and until when. */
export interface Ordering extends Setting {
  readonly run: string;
  readonly purpose: string | undefined;
  readonly expiresAt: string;
  /** Time since it was admitted, in ms. */
  readonly elapsedMs: () => number;
}

type Asked = Emission<typeof run.answered> | Emission<typeof run.interrupted>;

/** Asks for a yes to what is to be changed, or for what is missing of it. Nothing is changed here. */
export async function* ask(answer: Answer, order: Order, ordering: Ordering): AsyncGenerator<string, Asked> {
  const { locale, intent, plan, rows } = answer;
  const arranged = arrange({ ...answer, plan: { ...plan, order } }, ordering);
  if ('asks' in arranged) {
    yield arranged.asks;
    const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };
    const told = {
      ...{ intent: intent.type, confidence: intent.confidence, cached: false, degraded: false },
      usage: { ...usage, processingTimeMs: Math.max(1, Math.round(ordering.elapsedMs())) },
    };
    return emit(run.answered, { ...told, rows: rows.length }, { tell: { type: 'answered', ...told } });
  }
  const { run: id, purpose } = ordering;
  // What has begun by then is booked no more.
  const expiresAt =
    'start' in arranged.order && arranged.order.start < ordering.expiresAt
      ? arranged.order.start
      : ordering.expiresAt;
  const shared = {
    ...({ action: 'change_agenda', code: 'CONFIRMATION_REQUIRED' } as const),
    ...{ intent: intent.type, expiresAt },
  };
  const { facts, ...card } = arranged;
  return emit(
    run.interrupted,
    { ...shared, locale },
    {
      tell: {
        ...{ type: 'interrupted', id, ...shared, ...card, facts: [...facts], locale },
        ...(purpose === undefined ? {} : { purpose }),
        responseSchema: confirmationSchema,
      },
    },
  );
}
