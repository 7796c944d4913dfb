import type { Receipt, RequestState, RequestType } from '@jangada/proto/privacy.ts';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import { Moment } from './outcome.tsx';
import { PageHead } from './page-head.tsx';
import type { Language } from './preferences.ts';
import { PrivacyForm } from './privacy-form.tsx';
import { Proved } from './proved.tsx';
import type { Me, Session } from './session.ts';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';

/** Of kinds of data, in one language. */
type Names = Readonly<Record<string, string>>;

interface Request {
  readonly requestId: string;
  readonly type: RequestType;
  readonly state: RequestState;
  readonly at: string;
  readonly deadlineAt: string;
  readonly history: readonly { readonly state: RequestState; readonly at: string }[];
  readonly receipts: readonly Receipt[];
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
  return (
    <>
      <PageHead title={w.title} onRefresh={again} />
      <p className="lead">{w.lead}</p>
      {failure && <FailureNotice failure={failure} onRetry={again} />}
      {!value && !failure && <Loading />}
      {value && (
        <div className="sections below">
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

const Steps = ({ of: { state, history }, zone }: { of: Request; zone: string }) => {
  const { words } = useLanguage();
  const w = words.privacy;
  // In the order that requests go through them.
  const states = Object.keys(w.states);
  // Of what is carried out somebody has seen that it was.
  const isRejected = state === 'closed' && !history.some((step) => step.state === 'verified');
  const tag = isRejected ? 'held' : state === 'closed' ? 'good' : 'plain';
  return (
    <>
      <span className={`tag tag-${tag}`}>{isRejected ? w.rejected : w.states[state]}</span>
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

const Deadline = ({ of: { state, deadlineAt }, zone }: { of: Request; zone: string }) => {
  const { language, words } = useLanguage();
  const day = new Intl.DateTimeFormat(language, { timeZone: zone, dateStyle: 'short' });
  const isLate = state !== 'closed' && state !== 'delivered' && Date.parse(deadlineAt) < Date.now();
  return (
    <>
      <time dateTime={deadlineAt}>{day.format(new Date(deadlineAt))}</time>
      {isLate && <span className="tag tag-bad">{words.privacy.late}</span>}
    </>
  );
};

/** What became of each kind of data, in counts. */
const Receipts = ({ of: receipts, names }: { of: readonly Receipt[]; names: Names }) => {
  const { language, words } = useLanguage();
  const w = words.privacy;
  const figure = new Intl.NumberFormat(language);
  const day = new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: 'short' });
  const some = receipts.filter(({ found, changed }) => found + changed > 0);
  if (some.length === 0) return null;
  return (
    <details>
      <summary>{w.kinds(figure.format(some.length), some.length === 1)}</summary>
      <ul className="steps">
        {some.map((receipt) => (
          <li key={receipt.table}>
            {names[receipt.class] ?? (w.classes as Names)[receipt.class] ?? receipt.class}
            {(['found', 'told', 'deleted', 'anonymised', 'changed', 'kept'] as const)
              .filter((count) => receipt[count] > 0)
              .map((count) => `, ${w.counts[count](figure.format(receipt[count]))}`)}
            {receipt.kept > 0 && receipt.until && ` ${w.until(day.format(new Date(receipt.until)))}`}
            {receipt.kept > 0 && receipt.basis && <span className="fine under">{receipt.basis}</span>}
          </li>
        ))}
      </ul>
    </details>
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
