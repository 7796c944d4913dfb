import { core } from '@jangada/proto/envelope.ts';
import type { Bus } from './bus.ts';

/** Whoever remembers keys of fields; see libs/vault. */
interface Remembers {
  forget(tenant: string): void;
  hearing(hears: boolean): void;
}

/** Forgets keys when they change, and has none remembered while that could not be heard. */
export const forgetChangedKeys = ({ nc }: Pick<Bus, 'nc'>, vault: Remembers): void => {
  nc.subscribe(core.keysChanged('*'), {
    // Where the broker does not let us hear, it tells so here.
    callback: (error, message) =>
      error ? vault.hearing(false) : vault.forget(message.subject.slice(core.keysChanged('').length)),
  });
  void (async () => {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') vault.hearing(false);
      if (type === 'reconnect') vault.hearing(true);
    }
  })();
};
