import { packs } from '@jangada/packs/registry.ts';
import { expect, test } from 'vitest';
import { bookableOf } from './agenda.ts';

test.each(packs.flatMap((pack) => (pack.orders ? [[pack.name, pack] as const] : [])))(
  '%s shows its agenda to who may read it, and offers to book to who may',
  (_name, pack) => {
    const { bookings } = pack;
    expect(bookableOf(pack, [`read:${bookings}`])).toMatchObject({ may: 'read', whom: pack.orders?.whom });
    expect(bookableOf(pack, [`read:own_${bookings}`, `write:own_${bookings}`])).toMatchObject({
      may: 'book',
    });
    expect(bookableOf(pack, [])).toBeUndefined();
  },
);
