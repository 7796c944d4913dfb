import type { Row } from '@jangada/proto/run.ts';
import type { Run } from './admission.ts';
import { codeOf, wholeAnswer } from './answer.ts';
import { Refusal } from './refusal.ts';

/** The rows that answer a question which has a name. @throws Refusal with what became of it instead */
export const rowsOf = async (
  run: Run,
): Promise<{ readonly rows: readonly Row[]; readonly nextCursor?: string }> => {
  const { end } = (await wholeAnswer(run)) ?? {};
  if (end?.type === 'answered' && end.rows) {
    const { rows, nextCursor } = end;
    return { rows, ...(nextCursor ? { nextCursor } : {}) };
  }
  const code = end ? (codeOf(end) ?? 'UPSTREAM_UNAVAILABLE') : 'CANCELLED';
  const limit = end?.type === 'refused' ? end.limit : undefined;
  throw new Refusal(code, { locale: run.locale, run: run.id, ...(limit ? { limit } : {}) });
};
