/** How a command ended, for scripts. What commander itself refuses (a wrong option) is 1 too. */
export const exitCodes = {
  done: 0,
  /** What was asked for failed or does not exist. */
  failed: 1,
  /** No running system was found, or a part of it does not answer. */
  unreachable: 2,
} as const;

/** What failed and what to do next, told to the person at the terminal without a stack. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** Why a request failed: `fetch` says it in the cause of its error. */
export const causeOf = (error: unknown): string =>
  messageOf(error instanceof Error && error.cause ? error.cause : error);

/** What an unknown error says of itself. */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // A connection tried over IPv4 and IPv6 fails with two causes and no text of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  return error.message;
};
