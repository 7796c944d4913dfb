import type { Receipt, RequestState } from '@jangada/proto/privacy.ts';
import { useLanguage } from './language.ts';

/** What is shown of somebody's request about their data, to them and to who answers for it. */

/** Of kinds of data, in one language. */
export type Names = Readonly<Record<string, string>>;

export const Deadline = ({
  of: { state, deadlineAt },
  zone,
}: {
  of: { readonly state: RequestState; readonly deadlineAt: string };
  zone: string;
}) => {
  const { language, words } = useLanguage();
  const day = new Intl.DateTimeFormat(language, { timeZone: zone, dateStyle: 'short' });
  const isLate = state !== 'closed' && state !== 'delivered' && Date.parse(deadlineAt) < Date.now();
  return (
    <>
      <time dateTime={deadlineAt}>{day.format(new Date(deadlineAt))}</time>
      {isLate && <span className="tag tag-bad">{words.privacy.late}</span>}
    </>
  );
};

/** What became of each kind of data, in counts. */
export const Receipts = ({ of: receipts, names }: { of: readonly Receipt[]; names: Names }) => {
  const { language, words } = useLanguage();
  const w = words.privacy;
  const figure = new Intl.NumberFormat(language);
  const day = new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: 'short' });
  const some = receipts.filter(({ found, changed }) => found + changed > 0);
  if (some.length === 0) return null;
  return (
    <details>
      <summary>{w.kinds(figure.format(some.length), some.length === 1)}</summary>
      <ul className="steps">
        {some.map((receipt) => (
          <li key={receipt.table}>
            {names[receipt.class] ?? receipt.class}
            {(['found', 'told', 'deleted', 'anonymised', 'changed', 'kept'] as const)
              .filter((count) => receipt[count] > 0)
              .map((count) => `, ${w.counts[count](figure.format(receipt[count]))}`)}
            {receipt.kept > 0 && receipt.until && ` ${w.until(day.format(new Date(receipt.until)))}`}
            {receipt.kept > 0 && receipt.basis && (
              <span className="fine under">{(w.bases as Names)[receipt.basis] ?? receipt.basis}</span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
};
