import { useSyncExternalStore } from 'react';

/** Where one is: the part of the address after #, which no server and no log gets to see. */
export interface Place {
  readonly page: string;
  /** What of the page, where it shows one thing of many. */
  readonly id: string | undefined;
}

const watch = (changed: () => void): (() => void) => {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
};

export const placeIn = (hash: string): Place => {
  const [page = '', id] = hash.replace(/^#\/?/, '').split('/');
  return { page: page || 'chat', id: id ? decodeURIComponent(id) : undefined };
};

export const usePlace = (): Place => placeIn(useSyncExternalStore(watch, () => location.hash));
