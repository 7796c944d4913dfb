import { packOf } from '@jangada/packs/registry.ts';
import { stepUp } from '@jangada/proto/errors.ts';
import type { Accounts, Tenant } from './accounts.ts';
import type { Identity, Proof } from './identity.ts';
import { Refusal } from './refusal.ts';
import type { Route } from './routes.ts';

/**
 * What somebody must have proved for what they ask (RFC 9470). The words of a request never count, only what its
 * token says: a second factor, and how long ago.
 */

/** @throws Refusal AUTH_STEP_UP when the log-in, by whatever factors, is older than five minutes */
const demandRecent = ({ authenticatedAt }: Proof): void => {
  if (Date.now() - authenticatedAt > stepUp.max_age * 1_000) throw new Refusal('AUTH_STEP_UP');
};

/** True with a second factor given within the last five minutes. */
export const isRecent = ({ acr, authenticatedAt }: Proof): boolean =>
  acr === stepUp.acr_values && Date.now() - authenticatedAt <= stepUp.max_age * 1_000;

/** @throws Refusal AUTH_STEP_UP without a second factor given within the last five minutes */
export const demandSecondFactor = (proof: Proof): void => {
  if (proof.acr !== stepUp.acr_values) throw new Refusal('AUTH_STEP_UP');
  demandRecent(proof);
};

/** What a role may do in its tenant. */
export const permissionsOf = (
  tenant: Tenant | undefined,
  { role }: Pick<Identity, 'role'>,
): readonly string[] => {
  const roles = tenant ? packOf(tenant.pack).roles : {};
  return (Object.hasOwn(roles, role) ? roles[role]?.permissions : undefined) ?? [];
};

/**
 * Lets somebody administer whose role may, with a second factor given lately.
 * @throws Refusal AUTHZ_DENIED, MFA_REQUIRED without any second factor, AUTH_STEP_UP with an old one
 */
const demandPermission = async (
  accounts: Accounts,
  identity: Identity,
  permission: string,
): Promise<void> => {
  const tenant = await accounts.tenant(identity.tenant);
  if (!permissionsOf(tenant, identity).includes(permission)) throw new Refusal('AUTHZ_DENIED');
  if (identity.acr === 'aal1') throw new Refusal('MFA_REQUIRED');
  demandSecondFactor(identity);
};

/**
 * Holds who asks to what their route takes, but for commands, which are judged where they are carried out.
 * @throws Refusal as `demandPermission`, and AUTH_STEP_UP for a sign-in or a second factor of too long ago
 */
export const demandAssurance = async (
  accounts: Accounts,
  identity: Identity,
  { assurance, permission, commands }: Route,
): Promise<void> => {
  if (permission !== undefined) return demandPermission(accounts, identity, permission);
  if (assurance === 'recent') demandRecent(identity);
  if (assurance === 'step-up' && !commands) demandSecondFactor(identity);
};
