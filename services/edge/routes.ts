import { packs } from '@jangada/packs/registry.ts';
import type { Command } from '@jangada/proto/access.ts';
import { type Assurance, ofCommand } from '@jangada/proto/assurance.ts';

/**
 * Every route there is, and what it takes of who asks. The door opens no other and holds each to its line: what is
 * administered, handed out, removed or kept takes a step-up.
 */

export interface Route {
  readonly assurance: Assurance;
  /** Administrative: takes this permission beside it. */
  readonly permission?: string;
  /** Of what is somebody else's, takes this permission and a step-up. */
  readonly others?: string;
  /** Gives these commands. What each takes is decided where it is carried out, so that audit hears of it whoever asks. */
  readonly commands?: readonly Command['action'][];
}

const open = { assurance: 'none' } as const satisfies Route;
const signedIn = { assurance: 'session' } as const satisfies Route;
const administers = (permission: string): Route => ({ assurance: 'step-up', permission });
const gives = (...commands: readonly Command['action'][]): Route => ({
  assurance: commands.some((command) => ofCommand[command] === 'step-up') ? 'step-up' : 'session',
  commands,
});

/** What the packs tell by its name. A tenant whose pack has none of a name is told that it is not there. */
export const listings = new Set(
  packs.flatMap(({ sources }) => Object.keys(sources).filter((name) => sources[name]?.listed)),
);

/** Of these, what follows from events, and the projection that keeps it. Each row has its story. */
export const projections: ReadonlyMap<string, string> = new Map(
  packs.flatMap(({ sources }) =>
    Object.entries(sources).flatMap(([name, { listed, projection }]) =>
      listed && projection ? [[name, projection] as const] : [],
    ),
  ),
);

export const agentPath = '/v1/agui/:agent(^[a-z-]{1,40}$)';
/** One run of an agent. */
export const runPath = `${agentPath}/runs/:runId`;

export const routes: Readonly<Record<string, Route>> = {
  'GET /': open,
  'GET /console/*': open,
  'GET /health': open,
  'GET /v1/health': open,
  'GET /v1/health/overall': open,
  'GET /v1/ready': open,
  'GET /.well-known/jwks.json': open,
  'GET /v1/ai-agents/public/health': open,
  'POST /v1/ai-agents/public/inquiry': open,
  'POST /v1/auth/token': open,

  // An answer to what somebody was asked back comes by these too; what it takes stands with its command.
  'GET /v1/agent': signedIn,
  'GET /agui/ws': signedIn,
  'POST /invocations': signedIn,
  'POST /v1/agui': signedIn,
  [`POST ${agentPath}`]: signedIn,
  [`POST ${agentPath}/connect`]: signedIn,
  [`GET ${agentPath}/capabilities`]: signedIn,
  [`GET ${runPath}/events`]: signedIn,
  [`POST ${runPath}/cancel`]: signedIn,
  [`POST ${runPath}/feedback`]: signedIn,
  'GET /copilotkit/info': signedIn,
  'POST /copilotkit/agent/:agent/run': signedIn,
  'POST /copilotkit/agent/:agent/connect': signedIn,
  'POST /copilotkit/agent/:agent/stop/:threadId': signedIn,
  'POST /v1/query': signedIn,
  'POST /v1/commands': signedIn,
  'GET /v1/commands/:id': signedIn,
  'GET /v1/ai-agents/tenant/health': signedIn,
  'POST /v1/ai-agents/tenant/care-inquiry': signedIn,
  'GET /v1/conversations': signedIn,
  'GET /v1/runs': signedIn,
  'GET /v1/runs/:run': signedIn,
  'GET /v1/consents/:subject': signedIn,
  'GET /v1/agenda': signedIn,
  ...Object.fromEntries([...listings].map((name) => [`GET /v1/${name}`, signedIn])),
  ...Object.fromEntries([...projections.keys()].map((name) => [`GET /v1/${name}/:id`, signedIn])),

  'POST /v1/auth/logout': signedIn,
  'POST /v1/auth/ticket': signedIn,
  'GET /v1/auth/me': signedIn,
  'GET /v1/auth/sessions': { ...signedIn, others: 'admin:users' },
  'POST /v1/auth/revoke': administers('admin:users'),
  // Another in the place of a second factor takes a step-up.
  'POST /v1/auth/mfa/enrol': { assurance: 'recent' },
  'POST /v1/auth/mfa/confirm': signedIn,
  'POST /v1/auth/mfa/verify': signedIn,

  'POST /v1/consents': gives('give_consent', 'withdraw_consent'),
  'POST /v1/care-relationships': gives('open_relationship', 'close_relationship'),
  'POST /v1/break-glass': gives('break_glass'),
  'POST /v1/holds': gives('place_hold', 'release_hold'),
  'POST /v1/retention/approvals': gives('approve_retention'),
  'POST /v1/privacy/requests': gives('open_privacy_request'),
  'POST /v1/privacy/requests/:request/review': gives('review_privacy_request'),
  'POST /v1/privacy/requests/:request/recipients/:recipient': gives('tell_privacy_recipient'),
  'GET /v1/privacy/requests': signedIn,
  'GET /v1/privacy/reviews': administers('admin:users'),
  'GET /v1/privacy/deliveries/:link': { assurance: 'step-up' },

  'GET /v1/admin/connections': administers('admin:system'),
  'GET /v1/admin/services': administers('admin:system'),
  'GET /v1/admin/limits': administers('admin:system'),
  'GET /v1/admin/feedback': administers('admin:system'),
  'GET /v1/admin/letters': administers('admin:system'),
  'POST /v1/admin/letters/:sequence/replay': administers('admin:system'),
  'GET /v1/admin/runs': administers('admin:security'),
  'GET /v1/admin/runs/:run': administers('admin:security'),
  'GET /v1/admin/audit': administers('admin:security'),
  'GET /v1/admin/retention': administers('admin:security'),
};

/** @throws Error for a route that the table does not have */
export const routeOf = (method: string, url: string): Route => {
  // Whatever is read can be asked about without its body.
  const name = `${method === 'HEAD' ? 'GET' : method} ${url}`;
  const route = routes[name];
  if (!route) throw new Error(`${name} is not in the table of routes, so nobody knows what it takes`);
  return route;
};
