import type { In } from '@jangada/hop/hop.ts';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Ask } from '@jangada/proto/plan.ts';
import { citedMax, type Row, rowsMax } from '@jangada/proto/run.ts';
import { type Grant, planHash } from '@jangada/trust/grant.ts';
import type { contract } from './contract.ts';

/**
 * Holds what is about to be told against what permission signed. Whose rows they are cannot be seen here: a row is
 * what data-access says it is, and PostgreSQL and data-access have compared its tenant before.
 * @throws Unprocessable CTX_NO_GRANT when the plan is not the one that was granted; CTX_PAYLOAD_MISMATCH when there is
 * more in the rows than it allows. Neither says what, for that may be somebody's name
 */
export const assertGranted = (
  { plan, rows, cited, arrangement }: Pick<In<typeof contract>, 'plan' | 'rows' | 'cited' | 'arrangement'>,
  grant: Grant | undefined,
  { sources }: Pick<Pack, 'sources'>,
): void => {
  if (grant?.ph !== planHash(plan)) throw new Unprocessable('CTX_NO_GRANT', 'the grant is for another plan');
  const shape: Record<Ask, { readonly names: readonly string[]; readonly most: number }> = {
    list: { names: grant.fields, most: grant.limit },
    count: { names: ['count'], most: 1 },
    total: { names: ['amount', 'count'], most: 1 },
    perDay: {
      names: ['day', 'count', ...Object.keys(sources[plan.source]?.perDay ?? {})],
      most: rowsMax,
    },
    share: { names: ['part', 'whole', 'percent'], most: 1 },
  };
  const { names, most } = shape[plan.ask];
  if (rows.length > most)
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'there are more rows than were granted');
  if (rows.some((row) => Object.keys(row).some((name) => !names.includes(name))))
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'a row holds more than was granted');
  if (cited && (plan.cites === undefined || cited.length > citedMax))
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'there are texts that were not granted');
  if (arrangement && plan.order?.type !== 'ScheduleAppointment')
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'who provides was not granted');
  if (plan.ask !== 'list' && !rows.every(isOfFigures))
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'a figure is none');
};

/** Where figures were granted, nobody's name may stand in the place of one. */
const isOfFigures = ({ day, ...figures }: Row): boolean =>
  (day === undefined || /^\d{4}-\d\d-\d\d$/.test(String(day))) &&
  Object.values(figures).every((figure) => figure === null || /^-?\d+(?:\.\d+)?$/.test(String(figure)));

const breaches: ReadonlySet<Code> = new Set(['CTX_INVALID', 'CTX_NO_GRANT', 'CTX_PAYLOAD_MISMATCH']);

/**
 * True for why a message was not told that nobody but whoever speaks for data-access can have caused: every hop before
 * this one has verified pass, grant and body, so what does not hold here is no attempt that was refused in time.
 */
export const isBreach = (code: Code): boolean => breaches.has(code);
