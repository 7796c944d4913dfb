import type { ReactNode } from 'react';
import { Failure } from './failure.ts';
import { Guarded } from './guarded.tsx';
import { FailureNotice } from './notice.tsx';
import type { Session } from './session.ts';
import { useSending } from './use-sending.ts';

/** Codes by which the edge says that who somebody is was not proved, or too long ago. */
const unproved: ReadonlySet<string> = new Set(['AUTH_STEP_UP', 'MFA_REQUIRED', 'DSR_IDENTITY']);

/**
 * Something that takes a second factor of the last minutes: where it was refused for want of one, that is asked for beside it, and
 * then it is done again by itself.
 */
export const Proved = ({
  session,
  why,
  work,
  children,
}: {
  session: Session;
  why: string;
  work: () => Promise<void>;
  children: (doing: { readonly isBusy: boolean; readonly begin: () => void }) => ReactNode;
}) => {
  const { isBusy, failure, send } = useSending();
  const begin = (): void => void send(work);
  const isUnproved = failure !== undefined && unproved.has(failure.code);
  return (
    <>
      {/* What was asked is what is done once who asks is proved: it is not changed meanwhile. */}
      {!isUnproved && children({ isBusy, begin })}
      {failure && !isUnproved && <FailureNotice failure={failure} />}
      {isUnproved && (
        <Guarded session={session} failure={new Failure('AUTH_STEP_UP')} why={why} onProved={begin} />
      )}
    </>
  );
};
