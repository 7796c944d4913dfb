import { useCallback, useEffect, useState } from 'react';
import { asFailure, type Failure } from './failure.ts';
import type { Session } from './session.ts';

/** What an address of the edge answers, asked once for each address and again on demand. */
export interface Asked<T> {
  readonly value: T | undefined;
  readonly failure: Failure | undefined;
  readonly isAsking: boolean;
  again(): void;
}

const askedAt = <T>(session: Session, path: string): Promise<T> => session.call<T>(path);

/** Nothing is asked while there is no path. `load` may ask for more than one thing; it has to be the same function each time. */
export const useAsked = <T>(
  session: Session,
  path: string | undefined,
  load: (session: Session, path: string) => Promise<T> = askedAt,
): Asked<T> => {
  const [told, setTold] = useState<{ path: string; value?: T; failure?: Failure }>();
  const [count, setCount] = useState(0);
  const [isAsking, setAsking] = useState(true);

  useEffect(() => {
    if (path === undefined) return;
    let isWanted = true;
    const tell = (next: { value?: T; failure?: Failure }): void => {
      if (!isWanted) return;
      setTold({ path, ...next });
      setAsking(false);
    };
    setAsking(count >= 0);
    load(session, path).then(
      (value) => tell({ value }),
      (error: unknown) => tell({ failure: asFailure(error) }),
    );
    return () => {
      isWanted = false;
    };
  }, [session, path, load, count]);

  const current = told?.path === path ? told : undefined;
  return {
    value: current?.value,
    failure: current?.failure,
    isAsking,
    again: useCallback(() => setCount((times) => times + 1), []),
  };
};

type Page<T, Name extends string> = Readonly<Record<Name, readonly T[]>> & { readonly nextCursor?: string };

/** Pages of a list, one after the other; another address begins anew. `name` is what the list is called in its answer. */
export const usePages = <T, Name extends string = 'items'>(
  session: Session,
  path: string | undefined,
  name = 'items' as Name,
) => {
  const [more, setMore] = useState<{ path: string | undefined; pages: readonly Page<T, Name>[] }>({
    path,
    pages: [],
  });
  const [isAsking, setAsking] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const first = useAsked<Page<T, Name>>(session, path);
  const later = more.path === path ? more.pages : [];
  const cursor = (later.at(-1) ?? first.value)?.nextCursor;

  const next = async (): Promise<void> => {
    if (!cursor || path === undefined || isAsking) return;
    setAsking(true);
    setFailure(undefined);
    try {
      const page = await session.call<Page<T, Name>>(
        `${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`,
      );
      setMore({ path, pages: [...later, page] });
    } catch (error) {
      setFailure(asFailure(error));
    }
    setAsking(false);
  };

  return {
    items: first.value && [first.value, ...later].flatMap((page) => page[name]),
    failure: first.failure ?? failure,
    isAsking: first.isAsking || isAsking,
    next: cursor === undefined ? undefined : next,
    again: (): void => {
      setMore({ path, pages: [] });
      setFailure(undefined);
      first.again();
    },
  };
};

/** A query of what has a value. */
export const queryOf = (values: Readonly<Record<string, string | undefined>>): string => {
  const query = new URLSearchParams(
    Object.entries(values).filter((pair): pair is [string, string] => Boolean(pair[1])),
  ).toString();
  return query && `?${query}`;
};
