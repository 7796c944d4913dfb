import type { Receipt, RequestState, RequestType } from '@jangada/proto/privacy.ts';
import { useState } from 'react';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import { Moment } from './outcome.tsx';
import { PageHead } from './page-head.tsx';
import type { Language } from './preferences.ts';
import { PrivacyForm } from './privacy-form.tsx';
import { Proved } from './proved.tsx';
import { Deadline, type Names, Receipts } from './request.tsx';
import { Reviews } from './reviews.tsx';
import type { Me, Session } from './session.ts';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';

interface Request {
  readonly requestId: string;
  readonly type: RequestType;
  readonly state: RequestState;
  readonly at: string;
  readonly deadlineAt: string;
  readonly history: readonly { readonly state: RequestState; readonly at: string }[];
  readonly receipts: readonly Receipt[];
  /** Whether who reviewed it said yes, and why; null where nobody did. */
  readonly approved: boolean | null;
  readonly reviewBasis: string | null;
  /** Where the outcome can be fetched, once, and until when; absent where there is none to fetch. */
  readonly delivery?: string;
  readonly fetchBefore?: string;
}

interface Told {
  readonly classes: Readonly<Record<Language, Names>>;
  readonly corrects: readonly string[];
  readonly requests: readonly Request[];
}

/** What people ask about their own data, how far it has come, and what came of it. */
export const Privacy = ({ session, me }: { session: Session; me: Me }) => {
  const { language, words } = useLanguage();
  const w = words.privacy;
  const { value, failure, again } = useAsked<Told>(session, '/v1/privacy/requests');
  const [round, setRound] = useState(0);
  const refresh = (): void => {
    setRound((before) => before + 1);
    again();
  };
  return (
    <>
      <PageHead title={w.title} onRefresh={refresh} />
      <p className="lead">{w.lead}</p>
      {failure && <FailureNotice failure={failure} onRetry={again} />}
      {!value && !failure && <Loading />}
      {value && (
        <div className="sections below">
          {me.permissions.includes('admin:users') && (
            <section>
              <h2>{w.reviews.title}</h2>
              <Reviews key={round} session={session} me={me} />
            </section>
          )}
          <section>
            <h2>{w.ask}</h2>
            <PrivacyForm session={session} me={me} corrects={value.corrects} onOpened={again} />
          </section>
          <section>
            <h2>{w.requests}</h2>
            {value.requests.length > 0 ? (
              <Table caption={w.requests} columns={[w.asked, w.opened, w.state, w.deadline, w.outcome]}>
                {value.requests.map((request) => (
                  <tr key={request.requestId}>
                    <th scope="row">
                      {w.types[request.type].name}
                      <code className="code-beside">{request.requestId.slice(0, 8)}</code>
                    </th>
                    <td>
                      <Moment at={request.at} zone={me.tenant.zone} />
                    </td>
                    <td>
                      <Steps of={request} zone={me.tenant.zone} />
                    </td>
                    <td>
                      <Deadline of={request} zone={me.tenant.zone} />
                    </td>
                    <td>
                      <Receipts of={request.receipts} names={value.classes[language]} />
                      <Delivery session={session} of={request} zone={me.tenant.zone} onFetched={again} />
                    </td>
                  </tr>
                ))}
              </Table>
            ) : (
              <p className="lead">{w.none}</p>
            )}
          </section>
        </div>
      )}
    </>
  );
};

const Steps = ({ of: { state, history, approved, reviewBasis }, zone }: { of: Request; zone: string }) => {
  const { words } = useLanguage();
  const w = words.privacy;
  // In the order that requests go through them.
  const states = Object.keys(w.states);
  const isRejected = approved === false;
  const tag = isRejected ? 'held' : state === 'closed' ? 'good' : 'plain';
  return (
    <>
      <span className={`tag tag-${tag}`}>{isRejected ? w.rejected : w.states[state]}</span>
      {reviewBasis && <span className="fine under">{reviewBasis}</span>}
      <details>
        <summary>{w.step(states.indexOf(state) + 1, states.length)}</summary>
        <ol className="steps">
          {history.map((step) => (
            <li key={step.state}>
              {w.states[step.state]} <Moment at={step.at} zone={zone} />
            </li>
          ))}
        </ol>
      </details>
    </>
  );
};

/** The outcome, which is handed over once and kept nowhere here. */
const Delivery = ({
  session,
  of: { delivery, fetchBefore },
  zone,
  onFetched,
}: {
  session: Session;
  of: Request;
  zone: string;
  onFetched: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.privacy;
  if (!delivery || !fetchBefore) return null;
  const fetchIt = async (): Promise<void> => {
    save(await session.fetchFile(delivery));
    onFetched();
  };
  return (
    <Proved session={session} why={w.proof} work={fetchIt}>
      {({ isBusy, begin }) => (
        <>
          <button type="button" className="button quiet" disabled={isBusy} onClick={() => begin()}>
            {w.fetch}
          </button>
          <p className="fine">
            {w.once} <Moment at={fetchBefore} zone={zone} />
          </p>
        </>
      )}
    </Proved>
  );
};

/** Hands a file to whoever looks at the page. */
const save = (file: Blob): void => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = 'privacy.zip';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};
