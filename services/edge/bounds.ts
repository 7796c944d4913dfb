/** How much the door takes, and for how long it waits. docs/edge.md has the table for clients. */

/** Longest body of a request. A conversation that comes with a run may be longer. */
export const bodyMaxBytes = 64 * 1024;
export const runBodyMaxBytes = 256 * 1024;
/** Longest frame that is read; a longer one is answered with an error, up to what the transport lets through. */
export const frameMaxBytes = 64 * 1024;
export const transportMaxBytes = 6 * 1024 * 1024;
/** What a compressed payload may become. */
export const inflatedMaxBytes = 256 * 1024;
export const fragmentsMax = 64;
/** From the first byte of a frame or message to its last. */
export const messageWithinMs = 10_000;

/** Of JSON: how deep, how many keys in one object, how many values in all. */
export const depthMax = 16;
export const keysMax = 200;
export const valuesMax = 10_000;

/** Tools that a client offers, and characters of what it says of one and of what one gave back. */
export const toolsMax = 64;
export const toolDescriptionMax = 4_000;
export const toolResultMax = 4_000;

/** What a client of a socket has not read yet, before no more is told to it until it has. */
export const unreadPauseBytes = 1024 * 1024;
/** What one reply beyond that, of each of its runs, may add before it is sent away to resume. */
export const unreadMaxBytes = 4 * 1024 * 1024;
/** How long a socket or stream waits for a client that reads nothing, and a closing socket for its last word. */
export const readWithinMs = 30_000;
export const closeWithinMs = 5_000;

export const headersWithinMs = 5_000;
export const requestWithinMs = 15_000;
/** Longer than the minute that load balancers keep a connection, so that it is they who end it. */
export const keepAliveMs = 65_000;
export const headersMaxBytes = 16 * 1024;
