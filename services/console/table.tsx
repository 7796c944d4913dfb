import type { ReactNode } from 'react';
import { useLanguage } from './language.ts';
import { Loading } from './notice.tsx';
import type { usePages } from './use-asked.ts';

/** A column's name; figures stand to the right. */
export type Column = string | { readonly figure: string };

/** A table that scrolls sideways where it is wider than the page; the rows are `children`. */
export const Table = ({
  caption,
  columns,
  className,
  children,
}: {
  /** For who does not see what stands around it. */
  caption: string;
  columns: readonly Column[];
  className?: string;
  children: ReactNode;
}) => (
  <div className="scroll">
    <table className={className}>
      <caption className="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) =>
            typeof column === 'string' ? (
              <th key={column} scope="col">
                {column}
              </th>
            ) : (
              <th key={column.figure} scope="col" className="figure">
                {column.figure}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
);

/** A list that is asked for page by page; `children` shows what there is of it. */
export const Pages = <T,>({
  of: { items, isAsking, next },
  none,
  noneLead,
  more,
  children,
}: {
  of: Pick<ReturnType<typeof usePages<T>>, 'items' | 'isAsking' | 'next'>;
  none: string;
  noneLead: string;
  /** What asks for the next page, where that is not what is older. */
  more?: string;
  children: (items: readonly T[]) => ReactNode;
}) => {
  const { words } = useLanguage();
  return (
    <>
      {!items && <Loading />}
      {items?.length === 0 && !next && (
        <div className="empty">
          <h2>{none}</h2>
          <p className="lead">{noneLead}</p>
        </div>
      )}
      {items && items.length > 0 && children(items)}
      {next && (
        <button type="button" className="button quiet below" disabled={isAsking} onClick={() => void next()}>
          {more ?? words.older}
        </button>
      )}
    </>
  );
};
