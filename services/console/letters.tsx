import { useState } from 'react';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { Moment } from './outcome.tsx';
import type { Me, Session } from './session.ts';
import { Sure } from './sure.tsx';
import { Pages, Table } from './table.tsx';
import { usePages } from './use-asked.ts';

interface Letter {
  readonly sequence: number;
  readonly at: string;
  readonly hop: string;
  readonly reason: string;
  readonly run: string;
  readonly message: string;
  readonly bytes: number;
  readonly mayGoOn: boolean;
}

/** What could not be processed, and the way to have it tried again. */
export const Letters = ({ session, me }: { session: Session; me: Me }) => {
  const { language, words } = useLanguage();
  const w = words.operations.letters;
  const letters = usePages<Letter>(session, '/v1/admin/letters');
  const size = new Intl.NumberFormat(language, {
    style: 'unit',
    unit: 'kilobyte',
    unitDisplay: 'short',
    maximumFractionDigits: 1,
  });
  return (
    <Guarded session={session} failure={letters.failure} onProved={letters.again}>
      <p className="lead">{w.lead}</p>
      <Pages of={letters} none={w.none} noneLead={w.noneLead} more={w.more}>
        {(items) => (
          <Table
            caption={w.title}
            columns={[w.when, w.message, w.hop, w.reason, { figure: w.size }, w.run, w.act]}
          >
            {items.map(({ sequence, at, hop, reason, run, message, bytes, mayGoOn }) => {
              const [code = '', why = ''] = reason.split(/: (.*)/s);
              return (
                <tr key={sequence}>
                  <td>
                    <Moment at={at} zone={me.tenant.zone} />
                  </td>
                  <th scope="row">
                    <code>{message}</code>
                  </th>
                  <td>{hop}</td>
                  <td>
                    <code>{code}</code>
                    <span className="fine under">{why}</span>
                  </td>
                  <td className="figure">{size.format(bytes / 1_000)}</td>
                  <td>
                    <a href={`#/all-runs/${run}`}>
                      <code>{run.slice(0, 8)}</code>
                    </a>
                  </td>
                  <td>
                    {mayGoOn ? (
                      <Replay session={session} sequence={sequence} />
                    ) : (
                      <span className="fine">{w.operator}</span>
                    )}
                  </td>
                </tr>
              );
            })}
          </Table>
        )}
      </Pages>
    </Guarded>
  );
};

const Replay = ({ session, sequence }: { session: Session; sequence: number }) => {
  const { words } = useLanguage();
  const w = words.operations.letters;
  const [isSent, setSent] = useState(false);
  const replay = async (): Promise<void> => {
    await session.call(`/v1/admin/letters/${sequence}/replay`, {});
    setSent(true);
  };
  return isSent ? (
    <span className="tag tag-good" role="status">
      {w.sent}
    </span>
  ) : (
    <Sure words={w} says={w.replay} label={w.replayOf(sequence)} act={replay} />
  );
};
