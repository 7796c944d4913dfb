import type { LimitClass } from '@jangada/packs/pack.ts';
import type { Run } from './admission.ts';
import type { Condition } from './conditions.ts';
import type { Identity } from './identity.ts';
import type { Refusal } from './refusal.ts';
import type { Rule } from './verify.ts';

/** What a socket and the dialect spoken on it know of each other. */

/** One open socket, as its dialect sees it. */
export interface Connection {
  readonly id: string;
  readonly createdAt: Date;
  identity(): Identity;
  /** Counts a use by who is signed in. @throws Refusal RATE_LIMITED */
  admit(limited: LimitClass): Promise<unknown>;
  send(frame: object): void;
  /** Resolves when the client has read enough to be told more. */
  room(): Promise<void>;
  close(code: number, reason: string): void;
  /** Follows a run under the client's name for it, in the background, and frees the name at its end. */
  follow(name: string, run: Run, tell: () => Promise<void>): void;
  /** Stops following; the run goes on. */
  detach(name: string): void;
  /** False if the session is another person's who is connected now. */
  claim(session: string): boolean;
  /** Something did not leave because of this rule of AG-UI. */
  violated(rule: Rule): void;
}

/** How the frames of a socket are meant. */
export interface Dialect {
  /** True when its clients can go on elsewhere from where they were. */
  readonly resumable: boolean;
  greet(): void;
  /** Tells until when who is signed in is let in, after it has changed. */
  renewed?(): void;
  /** Tells how the system does. */
  report?(condition: Condition): void;
  /** That a fresh token is wanted, or that the edge restarts; absent where there are no words for it. */
  announce?(what: 'reauth' | 'drain'): void;
  /** @throws Refusal and whatever `refusalOf` knows */
  receive(frame: unknown): Promise<void>;
  /** Tells a refusal of a frame; `frame` is undefined where it could not be read. */
  refuse(refusal: Refusal, frame: unknown): void;
}
