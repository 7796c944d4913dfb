import type { BaseEvent, RunAgentInput } from '@ag-ui/client';

/** The frames of `agui.v1`, our binding of AG-UI to WebSocket; docs/edge.md tells them to who writes another client. */

export type Operation =
  | { readonly op: 'auth'; readonly token: string }
  | { readonly op: 'run'; readonly agent: string; readonly input: RunAgentInput }
  | { readonly op: 'connect'; readonly threadId: string }
  | { readonly op: 'resume'; readonly runId: string; readonly threadId: string; readonly after: number }
  | { readonly op: 'cancel' | 'detach'; readonly runId: string }
  | { readonly op: 'ping' };

/** An event and its place in its run, from 1 and without gaps. */
export interface Placed {
  readonly run: string;
  readonly seq: number;
  readonly event: BaseEvent;
}

/** Why the edge says no; deploy/generated/errors.md lists the codes. */
export interface Refusal {
  /** As HTTP would say it. */
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Whether the same may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Seconds after which it may, where a limit says so. */
  readonly retryAfter?: number;
  /** The path of the field that is at fault. */
  readonly field?: string;
  readonly requestId?: string;
  readonly runId?: string;
}

export type Said =
  | Placed
  /** Without a run it is the sign-in that was accepted. */
  | { readonly op: 'accepted'; readonly runId?: string }
  | ({ readonly op: 'error' } & Refusal)
  | { readonly op: 'cancelled' | 'pong' | 'reauth' | 'drain' };

/** What a frame says; undefined for what a later edge may say and this client does not know. */
export const readFrame = (data: unknown): Said | undefined => {
  let frame: unknown;
  try {
    frame = JSON.parse(String(data));
  } catch {
    return undefined;
  }
  if (typeof frame !== 'object' || frame === null) return undefined;
  return 'op' in frame || 'event' in frame ? (frame as Said) : undefined;
};
