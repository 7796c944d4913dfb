import type * as guarded from '@jangada/trust/body.ts';

/** Bodies as they are. */

export const openBodies: typeof guarded.openBodies = () => ({
  seal: (_place, text) => Buffer.from(text),
  open: (_place, sealed) => Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length),
});

export const isSealed: typeof guarded.isSealed = () => true;
