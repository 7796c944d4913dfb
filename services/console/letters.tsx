import { useState } from 'react';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice } from './notice.tsx';
import { Moment } from './outcome.tsx';
import type { Me, Session } from './session.ts';
import { Pages, Table } from './table.tsx';
import { usePages } from './use-asked.ts';
import { useSending } from './use-sending.ts';

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

/** Goes on where what was pressed has gone. */
const focus = (button: HTMLButtonElement | null): void => button?.focus();

/** Asks before it acts, in the place of what was pressed. */
const Replay = ({ session, sequence }: { session: Session; sequence: number }) => {
  const { words } = useLanguage();
  const w = words.operations.letters;
  const [step, setStep] = useState<'idle' | 'sure' | 'sent'>('idle');
  const { isBusy, failure, send } = useSending();
  const replay = (): Promise<void> =>
    send(async () => {
      await session.call(`/v1/admin/letters/${sequence}/replay`, {});
      setStep('sent');
    });

  if (step === 'sent')
    return (
      <span className="tag tag-good" role="status">
        {w.sent}
      </span>
    );
  if (step === 'idle')
    return (
      <button
        type="button"
        className="button quiet"
        aria-label={w.replayOf(sequence)}
        onClick={() => setStep('sure')}
      >
        {w.replay}
      </button>
    );
  return (
    <div className="sure">
      <p>{w.sure}</p>
      {failure && <FailureNotice failure={failure} />}
      <button
        type="button"
        className="button quiet"
        ref={focus}
        disabled={isBusy}
        onClick={() => void replay()}
      >
        {w.yes}
      </button>
      <button type="button" className="button quiet" disabled={isBusy} onClick={() => setStep('idle')}>
        {w.no}
      </button>
    </div>
  );
};
