import { useLanguage } from './language.ts';
import type { Me, Session } from './session.ts';
import { Sure } from './sure.tsx';
import { Table } from './table.tsx';

/** The last plan of a kind of data. */
export interface Plan {
  readonly tick: string;
  readonly class: string;
  readonly planned: number | null;
  readonly of: number | null;
  readonly needs: 'new-policy' | 'share' | 'jump' | null;
  readonly askedBy: string;
  readonly root: string | null;
  readonly state: 'listing' | 'waiting' | 'open' | 'over';
}

/** What is due, and what of it waits for a second person. */
export const Plans = ({
  session,
  me,
  plans,
  names,
  onApproved,
}: {
  session: Session;
  me: Me;
  plans: readonly Plan[];
  names: Readonly<Record<string, string>>;
  onApproved: () => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.retention.plans;
  const figure = (value: number | null): string =>
    value === null ? '' : new Intl.NumberFormat(language).format(value);
  return (
    <Table
      caption={w.title}
      columns={[words.retention.kind, { figure: w.due }, { figure: w.of }, words.retention.state]}
    >
      {plans.map((plan) => (
        <tr key={plan.class}>
          <th scope="row">{names[plan.class] ?? plan.class}</th>
          <td className="figure">{figure(plan.planned)}</td>
          <td className="figure">{figure(plan.of)}</td>
          <td>
            <span className={`tag tag-${plan.state === 'waiting' ? 'held' : 'plain'}`}>
              {w.states[plan.state]}
            </span>
            {plan.state === 'waiting' && plan.needs && <p className="fine">{w.needs[plan.needs]}</p>}
            {plan.state === 'waiting' && plan.askedBy !== me.account && (
              <Approve
                session={session}
                plan={plan}
                name={names[plan.class] ?? plan.class}
                onApproved={onApproved}
              />
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
};

const Approve = ({
  session,
  plan: { tick, class: kind, root },
  name,
  onApproved,
}: {
  session: Session;
  plan: Plan;
  name: string;
  onApproved: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.retention.plans;
  const approve = async (): Promise<void> => {
    await session.call('/v1/retention/approvals', { tick, class: kind, root });
    onApproved();
  };
  return <Sure words={w} says={w.approve} label={w.approveOf(name)} act={approve} />;
};
