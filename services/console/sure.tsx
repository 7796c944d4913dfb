import { useState } from 'react';
import { FailureNotice } from './notice.tsx';
import { useSending } from './use-sending.ts';

/** Goes on where what was pressed has gone. */
const focus = (button: HTMLButtonElement | null): void => button?.focus();

/** A button that asks before it acts, in the place of what was pressed. */
export const Sure = ({
  words: w,
  says,
  label,
  act,
}: {
  words: Readonly<Record<'sure' | 'yes' | 'no', string>>;
  says: string;
  /** What it is about too, where several say the same. */
  label?: string;
  act: () => Promise<void>;
}) => {
  const [isSure, setSure] = useState(false);
  const { isBusy, failure, send } = useSending();
  if (!isSure)
    return (
      <button type="button" className="button quiet" aria-label={label} onClick={() => setSure(true)}>
        {says}
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
        onClick={() => void send(act)}
      >
        {w.yes}
      </button>
      <button type="button" className="button quiet" disabled={isBusy} onClick={() => setSure(false)}>
        {w.no}
      </button>
    </div>
  );
};
