/**
 * Does the work of each of a batch, all at once. A batch of which one fails comes again record by record: what was done of it is not
 * done again.
 */
export const eachOnce = <R extends object>() => {
  const done = new WeakSet<R>();
  return async (records: readonly R[], work: (record: R) => Promise<void>): Promise<void> => {
    const worked = await Promise.allSettled(
      records
        .filter((record) => !done.has(record))
        .map((record) => work(record).then(() => done.add(record))),
    );
    const failed = worked.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  };
};
