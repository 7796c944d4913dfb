import type { ReactNode } from 'react';
import { useState } from 'react';
import { Enrolment } from './enrolment.tsx';
import type { Failure } from './failure.ts';
import { useLanguage } from './language.ts';
import { FailureNotice, NextStep, Notice } from './notice.tsx';
import { SecondFactor } from './second-factor.tsx';
import type { Session } from './session.ts';

/** What was asked for, or what has to be proved for it first; `why` says so where it is no page of administration. */
export const Guarded = ({
  session,
  failure,
  why,
  onProved,
  children,
}: {
  session: Session;
  failure: Failure | undefined;
  why?: string | undefined;
  onProved: () => void;
  children?: ReactNode;
}) => {
  const { words } = useLanguage();
  const [isEnrolling, setEnrolling] = useState(false);
  const done = (): void => {
    setEnrolling(false);
    // Who it is shows how they proved it.
    session.enter().catch(() => undefined);
    onProved();
  };
  if (isEnrolling)
    return <Enrolment session={session} lead={why} onDone={done} onLater={() => setEnrolling(false)} />;
  if (failure?.code === 'AUTH_STEP_UP' || failure?.code === 'MFA_REQUIRED') {
    if (session.standing().me?.secondFactor)
      return <SecondFactor session={session} lead={why ?? words.factor.stepUp} onDone={done} />;
    return (
      <>
        {why ? (
          <Notice tone="held" title={why}>
            <NextStep code="MFA_REQUIRED" />
          </Notice>
        ) : (
          <FailureNotice failure={failure} />
        )}
        <button type="button" className="button below" onClick={() => setEnrolling(true)}>
          {words.enrol.begin}
        </button>
      </>
    );
  }
  if (failure) return <FailureNotice failure={failure} onRetry={onProved} />;
  return children;
};
