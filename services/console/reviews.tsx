import type { Receipt, RequestState, RequestType } from '@jangada/proto/privacy.ts';
import { type FormEvent, useId } from 'react';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import { Moment } from './outcome.tsx';
import type { Language } from './preferences.ts';
import { Deadline, type Names, Receipts } from './request.tsx';
import type { Me, Session } from './session.ts';
import { Sure } from './sure.tsx';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';
import { useSending } from './use-sending.ts';

interface Recipient {
  readonly name: string;
  readonly told?: { readonly at: string };
  readonly notice?: { readonly at: string; readonly outcome: 'taken' | 'differs' | 'refused' | 'away' };
}

interface Waiting {
  readonly requestId: string;
  readonly type: RequestType;
  readonly state: RequestState;
  readonly identity: 'second_factor' | 'document';
  /** Whoever looks has asked for it. */
  readonly isOwn: boolean;
  readonly at: string;
  readonly deadlineAt: string;
  readonly receipts: readonly Receipt[];
  readonly recipients: readonly Recipient[];
}

interface Told {
  readonly classes: Readonly<Record<Language, Names>>;
  /** Whom data are passed on to, by their name in the pack. */
  readonly recipients: Readonly<Record<Language, Names>>;
  readonly requests: readonly Waiting[];
}

/** What people asked that waits for somebody who administers: a yes or a no, and those who have to be told. */
export const Reviews = ({ session, me }: { session: Session; me: Me }) => {
  const { language, words } = useLanguage();
  const w = words.privacy;
  const { zone } = me.tenant;
  const { value, failure, again } = useAsked<Told>(session, '/v1/privacy/reviews');
  return (
    <Guarded session={session} failure={failure} why={w.proof} onProved={again}>
      {!value && <Loading />}
      {value?.requests.length === 0 && <p className="lead">{w.reviews.none}</p>}
      {value && value.requests.length > 0 && (
        <Table
          caption={w.reviews.title}
          columns={[w.asked, w.opened, w.deadline, w.reviews.what, w.reviews.act]}
        >
          {value.requests.map((request) => (
            <tr key={request.requestId}>
              <th scope="row">
                {w.types[request.type].name}
                <code className="code-beside">{request.requestId.slice(0, 8)}</code>
              </th>
              <td>
                <Moment at={request.at} zone={zone} />
                <span className="fine under">{w.reviews.identities[request.identity]}</span>
              </td>
              <td>
                <Deadline of={request} zone={zone} />
              </td>
              <td>
                <Receipts of={request.receipts} names={value.classes[language]} />
              </td>
              <td>
                {request.state === 'legal_review' ? (
                  <Review session={session} of={request} onJudged={again} />
                ) : (
                  <Recipients
                    session={session}
                    of={request}
                    names={value.recipients[language]}
                    zone={zone}
                    onTold={again}
                  />
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Guarded>
  );
};

/** A yes or a no, with the basis that whoever asked is told. */
const Review = ({
  session,
  of: { requestId, type, isOwn },
  onJudged,
}: {
  session: Session;
  of: Waiting;
  onJudged: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.privacy;
  const id = useId();
  const { isBusy, failure, send } = useSending();
  if (isOwn) return <p className="fine">{w.reviews.own}</p>;
  const judge = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const { submitter } = event.nativeEvent as SubmitEvent;
    const approved = submitter?.getAttribute('value') === 'yes';
    const basis = String(new FormData(event.currentTarget).get('basis') ?? '').trim();
    void send(async () => {
      await session.call(`/v1/privacy/requests/${requestId}/review`, { approved, basis });
      onJudged();
    });
  };
  return (
    <form className="stack" onSubmit={judge}>
      <div className="field">
        <label htmlFor={id}>{w.reviews.basis}</label>
        <div className="field-box">
          <input
            id={id}
            name="basis"
            required
            minLength={3}
            maxLength={200}
            autoComplete="off"
            aria-describedby={`${id}-hint`}
          />
        </div>
        <p id={`${id}-hint`} className="fine">
          {w.reviews.basisHint}
        </p>
      </div>
      {failure && <FailureNotice failure={failure} />}
      <div className="sure">
        <button type="submit" value="yes" className="button quiet" disabled={isBusy}>
          {w.reviews.approve(w.types[type].name)}
        </button>
        <button type="submit" value="no" className="button quiet" disabled={isBusy}>
          {w.reviews.refuse}
        </button>
      </div>
    </form>
  );
};

/** Those whom data were passed on to, and who of them knows. */
const Recipients = ({
  session,
  of: { requestId, recipients },
  names,
  zone,
  onTold,
}: {
  session: Session;
  of: Waiting;
  names: Names;
  zone: string;
  onTold: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.privacy.reviews;
  return (
    <ul className="steps">
      {recipients.map(({ name, told, notice }) => (
        <li key={name}>
          {names[name] ?? name}{' '}
          {told ? (
            <>
              {w.told} <Moment at={told.at} zone={zone} />
            </>
          ) : (
            <>
              {notice && (
                <span className="fine under">
                  {w.notices[notice.outcome]} <Moment at={notice.at} zone={zone} />
                </span>
              )}
              <Tell
                session={session}
                path={`/v1/privacy/requests/${requestId}/recipients/${name}`}
                onTold={onTold}
              />
            </>
          )}
        </li>
      ))}
    </ul>
  );
};

/** That somebody was told is kept, and ends the request. */
const Tell = ({ session, path, onTold }: { session: Session; path: string; onTold: () => void }) => {
  const { words } = useLanguage();
  const w = words.privacy.reviews;
  const tell = async (): Promise<void> => {
    await session.call(path, {});
    onTold();
  };
  return <Sure words={w} says={w.wasTold} act={tell} />;
};
