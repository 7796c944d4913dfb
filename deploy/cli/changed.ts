import { core } from '@jangada/proto/envelope.ts';
import { openOperator } from './operator.ts';

/** Tells every cache that data of a tenant changed. @throws NotRunning, Failure */
export const announceChange = async (tenant: string): Promise<void> => {
  await using operator = await openOperator();
  operator.nc.publish(core.changed(tenant));
  await operator.nc.flush();
};
