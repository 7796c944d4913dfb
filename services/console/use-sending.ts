import { useState } from 'react';
import { asFailure, type Failure } from './failure.ts';

/**
 * What a form sends: one at a time, and how it failed. What succeeds stays busy, for something else is shown then.
 * `before` is what failed before there was a form.
 */
export const useSending = (before?: Failure) => {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState(before);
  return {
    isBusy,
    failure,
    setFailure,
    send: async (work: () => Promise<void>): Promise<void> => {
      setBusy(true);
      setFailure(undefined);
      try {
        await work();
      } catch (error) {
        setFailure(asFailure(error));
        setBusy(false);
      }
    },
  };
};
