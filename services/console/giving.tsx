import type { Command } from '@jangada/proto/command.ts';
import { useState } from 'react';
import { Confirmation } from './confirmation.tsx';
import { Failure, textOf } from './failure.ts';
import { useLanguage } from './language.ts';
import { CodeLine, Loading, NextStep, Notice } from './notice.tsx';
import type { Me, Session } from './session.ts';
import { useSending } from './use-sending.ts';

/** A command on a booking. */
type Given = Exclude<Command, { type: 'RegisterAvailability' | 'RecordAttendance' }>;

/** A command, and whom and what it is about in words. */
export interface Asked {
  readonly given: Given;
  readonly person: string;
  readonly provider: string;
  readonly service: string | null;
  readonly start: string;
  readonly minutes: number;
  /** When it was to be before, where it is moved. */
  readonly before?: string;
}

/** What a command came to, as `GET /v1/commands/<id>` tells it. */
interface Outcome {
  readonly status: 'accepted' | 'done' | 'refused' | 'failed';
  readonly appointmentId?: string;
  readonly code?: string;
  readonly alternatives?: readonly string[];
}

/** Each waits a second for it where it is. */
const looksMax = 20;

const carryOut = async (session: Session, given: Given, key: string): Promise<Outcome> => {
  const headers = { 'idempotency-key': key };
  const { commandId } = await session.call<{ commandId: string }>('/v1/commands', given, headers);
  for (let looks = 0; looks < looksMax; looks++) {
    const told = await session.call<Outcome>(`/v1/commands/${commandId}`);
    if (told.status !== 'accepted') return told;
  }
  throw new Failure('DEADLINE');
};

interface Parts {
  readonly session: Session;
  readonly me: Me;
  readonly asked: Asked;
  /** It was carried out. */
  readonly onDone: () => void;
  readonly onLook: (id: string) => void;
  readonly onClose: () => void;
}

/** Shows a command before it is given, and what it came to. What is taken can be had at another time of that day. */
export const Giving = ({ asked, ...parts }: Parts) => {
  const [now, setNow] = useState(asked);
  // At another time it is another command.
  return <One key={now.start} {...parts} asked={now} onInstead={setNow} />;
};

const One = ({
  session,
  me,
  asked,
  onDone,
  onLook,
  onClose,
  onInstead,
}: Parts & { readonly onInstead: (asked: Asked) => void }) => {
  const { language, words } = useLanguage();
  const w = words.agenda;
  // Given again where nobody answered, it is the same command.
  const [key] = useState(() => crypto.randomUUID());
  const [outcome, setOutcome] = useState<Outcome>();
  const { isBusy, failure, send } = useSending();
  const { given, person, provider, service, start, before, minutes } = asked;
  const timeZone = me.tenant.zone;
  const whole = new Intl.DateTimeFormat(language, { timeZone, dateStyle: 'full', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(language, { timeZone, timeStyle: 'short' });
  const when = (at: string): string => whole.format(new Date(at));
  const facts = [
    { name: w.facts.person, value: person },
    { name: w.facts.provider, value: provider },
    ...(service ? [{ name: w.facts.service, value: service }] : []),
    ...(before ? [{ name: w.facts.from, value: when(before) }] : []),
    { name: w.facts.when, value: `${when(start)}, ${w.lasts(String(minutes))}` },
  ];
  const give = async (): Promise<void> => {
    const told = await carryOut(session, given, key);
    setOutcome(told);
    if (told.status === 'done') onDone();
  };
  const again = (): void => {
    setOutcome(undefined);
    void send(give);
  };
  const instead = (at: string): void =>
    onInstead({ ...asked, start: at, given: { ...given, start: at } as Given });
  const id = outcome?.appointmentId ?? ('appointmentId' in given ? given.appointmentId : undefined);
  const look = id !== undefined && (
    <button type="button" className="button quiet" onClick={() => onLook(id)}>
      {w.look}
    </button>
  );

  if (outcome?.status === 'done')
    return (
      <div role="status">
        <Notice tone="good" title={w.done[given.type]}>
          <p>
            {person} · {when(start)}
          </p>
          {look}
        </Notice>
      </div>
    );
  if (outcome) {
    const { code = 'INTERNAL', alternatives = [], status } = outcome;
    return (
      <div role="status">
        <Notice
          tone={status === 'failed' ? 'bad' : 'held'}
          title={status === 'failed' ? w.unsure : w.refused}
        >
          <p>{textOf(code, language, words.network)}.</p>
          {alternatives.length > 0 && (
            <>
              <p>{w.instead}</p>
              <div className="examples">
                {alternatives.map((at) => (
                  <button key={at} type="button" className="example" onClick={() => instead(at)}>
                    {clock.format(new Date(at))}
                  </button>
                ))}
              </div>
            </>
          )}
          <NextStep code={code} />
          <CodeLine code={code} />
          {status === 'failed' && (
            <button type="button" className="button quiet" onClick={again}>
              {words.again}
            </button>
          )}
          {look}
        </Notice>
      </div>
    );
  }
  if (isBusy && !failure)
    return (
      <>
        <p className="lead">{w.sending}</p>
        <Loading />
      </>
    );
  return (
    <Confirmation
      interrupt={{ id: key, reason: 'confirmation', message: w.ask[given.type], metadata: { facts } }}
      verdict={undefined}
      zone={timeZone}
      failure={failure}
      onAnswer={(verdict) => (verdict === 'yes' ? void send(give) : onClose())}
    />
  );
};
