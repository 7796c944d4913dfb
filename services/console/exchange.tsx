import { useEffect, useRef } from 'react';
import { Answer } from './answer.tsx';
import { Confirmation } from './confirmation.tsx';
import { isOver, type Turn } from './conversation.ts';
import { failureOf, textOf } from './failure.ts';
import { Feedback } from './feedback.tsx';
import { Guarded } from './guarded.tsx';
import type { Verdict } from './interrupt.ts';
import { useLanguage } from './language.ts';
import { CodeLine, NextStep, Notice } from './notice.tsx';
import type { Me, Session } from './session.ts';
import { Sources } from './sources.tsx';

/** What may be done about a question from where it stands. */
export interface Asking {
  /** Asks; `cursor` is for the page of a list after the one that was told. */
  ask(text: string, cursor?: string): void;
  answer(verdict: Verdict, given: Readonly<Record<string, Readonly<Record<string, string>>>>): void;
}

/** One question and what came of it. */
export const Exchange = ({
  session,
  me,
  turn,
  isBusy,
  asking,
}: {
  session: Session;
  me: Me;
  turn: Turn;
  isBusy: boolean;
  asking: Asking;
}) => {
  const { words } = useLanguage();
  const w = words.chat;
  const { id, question, state, text, result } = turn;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (turn) end.current?.scrollIntoView({ block: 'nearest' });
  }, [turn]);

  return (
    <article className="exchange" aria-busy={!isOver(turn)}>
      <h2 className="unseen">{w.you}</h2>
      <p className="asked">{question}</p>
      <h3 className="unseen">{w.answer}</h3>
      <div className="answer">
        {text && state === 'waiting' && <Answer text={text} />}
        <Confirmations session={session} turn={turn} zone={me.tenant.zone} onAnswer={asking.answer} />
        {text && state !== 'waiting' && <Answer text={text} />}
        {state === 'asked' && (
          <p className="loading">
            <span className="spinner" aria-hidden="true" />
            {w.thinking}
          </p>
        )}
        {state === 'told' && <span className="caret" aria-hidden="true" />}
        {state === 'untold' && !turn.verdict && <Notice tone="held">{w.untold}</Notice>}
        {state === 'cancelled' && !turn.verdict && <Notice tone="held">{w.stopped}</Notice>}
        {state === 'refused' && (
          <Refused turn={turn} zone={me.tenant.zone} isBusy={isBusy} onAsk={asking.ask} />
        )}
        {isOver(turn) && state !== 'waiting' && (
          <footer className="answer-foot">
            <p className="fine beside">
              {result?.cached && <span>{w.cached}</span>}
              {result?.degraded && <span>{w.degraded}</span>}
              <a href={`#/runs/${id}`}>{w.how}</a>
              {result?.nextCursor && (
                <button
                  type="button"
                  className="button quiet"
                  disabled={isBusy}
                  onClick={() => asking.ask(question, result.nextCursor)}
                >
                  {w.more}
                </button>
              )}
            </p>
            {state === 'answered' && (
              <>
                <Sources session={session} run={id} />
                <Feedback session={session} run={id} />
              </>
            )}
          </footer>
        )}
      </div>
      <div ref={end} />
    </article>
  );
};

/** A run goes on when all that it asked is answered, so one yes or no answers all of it. */
const Confirmations = ({
  session,
  turn: { state, interrupts, verdict, code },
  zone,
  onAnswer,
}: {
  session: Session;
  turn: Turn;
  zone: string;
  onAnswer: Asking['answer'];
}) => {
  const { words } = useLanguage();
  const given = useRef<Record<string, Readonly<Record<string, string>>>>({});
  const failure = state === 'waiting' && code ? failureOf({ code }) : undefined;
  const isUnproved = failure?.code === 'AUTH_STEP_UP';
  return interrupts.map((interrupt, index) => (
    <Confirmation
      key={interrupt.id}
      interrupt={interrupt}
      verdict={verdict ?? (!failure && interrupt.id in given.current ? 'yes' : undefined)}
      given={given.current[interrupt.id]}
      zone={zone}
      failure={isUnproved ? undefined : failure}
      proof={
        isUnproved && index === 0
          ? (again) => (
              <Guarded session={session} failure={failure} why={words.confirm.proof} onProved={again} />
            )
          : undefined
      }
      onAnswer={(said, values) => {
        given.current[interrupt.id] = values;
        if (said === 'no' || interrupts.every(({ id }) => id in given.current)) onAnswer(said, given.current);
      }}
    />
  ));
};

/** Codes that asking again may change. */
const passing: ReadonlySet<string> = new Set([
  'RATE_LIMITED',
  'OVERLOADED',
  'DEADLINE',
  'UPSTREAM_UNAVAILABLE',
  'INTERNAL',
  'NETWORK',
]);

const Refused = ({
  turn: { code = 'INTERNAL', question, alternatives },
  zone,
  isBusy,
  onAsk,
}: {
  turn: Turn;
  zone: string;
  isBusy: boolean;
  onAsk: (text: string) => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.chat;
  const isPassing = passing.has(code);
  const clock = new Intl.DateTimeFormat(language, { timeZone: zone, hour: '2-digit', minute: '2-digit' });
  return (
    <Notice tone={isPassing ? 'bad' : 'held'} title={isPassing ? w.failed : w.refused}>
      <p>{textOf(code, language, words.network)}.</p>
      {alternatives.length > 0 && (
        <>
          <p>{w.free}</p>
          <div className="examples">
            {alternatives.map((at) => {
              const time = `${w.at} ${clock.format(new Date(at))}`;
              return (
                <button
                  key={at}
                  type="button"
                  className="example"
                  disabled={isBusy}
                  onClick={() => onAsk(time)}
                >
                  {time}
                </button>
              );
            })}
          </div>
        </>
      )}
      <NextStep code={code} />
      <CodeLine code={code} />
      {isPassing && (
        <button type="button" className="button quiet" disabled={isBusy} onClick={() => onAsk(question)}>
          {w.askAgain}
        </button>
      )}
    </Notice>
  );
};
