import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { Moment } from './outcome.tsx';
import { PageHead } from './page-head.tsx';
import type { Me, Session } from './session.ts';
import { Pages, Table } from './table.tsx';
import { usePages } from './use-asked.ts';

interface Conversation {
  readonly threadId: string;
  readonly title: string;
  readonly startedAt: string;
}

/** What somebody asked before, each conversation by its first words; it goes on where its questions are. */
export const Conversations = ({ session, me }: { session: Session; me: Me }) => {
  const { words } = useLanguage();
  const w = words.conversations;
  const conversations = usePages<Conversation, 'conversations'>(
    session,
    '/v1/conversations',
    'conversations',
  );

  return (
    <>
      <PageHead title={w.title} onRefresh={conversations.again} />
      <p className="lead">{w.lead}</p>
      <Guarded session={session} failure={conversations.failure} onProved={conversations.again}>
        <Pages of={conversations} none={w.none} noneLead={w.noneLead}>
          {(items) => (
            <Table caption={w.title} columns={[w.asked, w.when]}>
              {items.map(({ threadId, title, startedAt }) => (
                <tr key={`${threadId} ${startedAt}`}>
                  <th scope="row">
                    <a href={`#/chat/${encodeURIComponent(threadId)}`}>{title}</a>
                  </th>
                  <td>
                    <Moment at={startedAt} zone={me.tenant.zone} />
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </Pages>
      </Guarded>
    </>
  );
};
