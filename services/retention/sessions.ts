import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Tick } from './handler.ts';

const db = queries<CoreTables>();

/** Ends the sessions of a tenant that were over when a tick came. Again it finds none. */
export const endIdle = async (
  store: Pick<Store, 'read'>,
  { tenant, at }: Pick<Tick, 'tenant' | 'at'>,
): Promise<void> => {
  await store.read(
    { tenant },
    db
      .updateTable('ai_agent_sessions')
      .set({ is_active: false })
      .where('tenant_id', '=', tenant)
      .where('is_active', '=', true)
      .where('expires_at', '<', at.toISOString()),
  );
};
