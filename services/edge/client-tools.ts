import { contentToText, type Message, type Tool } from '@ag-ui/core';
import { packOf } from '@jangada/packs/registry.ts';
import type { ClientTool } from '@jangada/proto/client-tools.ts';
import { toolDescriptionMax, toolResultMax, toolsMax } from './bounds.ts';
import { Refusal } from './refusal.ts';

/**
 * Tools of the client's. What it says of them is its own: only names go further than here, and of those only what a pack
 * allows.
 */

/** What came of a call at the client. What it gave back is not kept. */
export interface ToolResult {
  readonly call: string;
  readonly failed: boolean;
}

const suffix = '-shown';
/** What the call of a run is called. A run has one at most. */
export const callOf = (run: string): string => `${run}${suffix}`;
/** The run of a call; what is called otherwise is of none. */
export const runOf = (call: string): string | undefined =>
  call.endsWith(suffix) ? call.slice(0, -suffix.length) : undefined;

/** The names of the tools that a client offers. @throws Refusal PAYLOAD_TOO_LARGE */
export const offeredOf = (tools: readonly Tool[]): readonly string[] => {
  if (tools.length > toolsMax) throw new Refusal('PAYLOAD_TOO_LARGE', { field: 'tools' });
  const long = tools.findIndex(({ description }) => description.length > toolDescriptionMax);
  if (long >= 0) throw new Refusal('PAYLOAD_TOO_LARGE', { field: `tools.${long}.description` });
  return [...new Set(tools.map(({ name }) => name))];
};

/** Of what is offered, what the pack allows. */
export const allowedOf = (offered: readonly string[], pack: string): ClientTool[] => {
  const { clientTools = [] } = packOf(pack);
  return clientTools.filter((name) => offered.includes(name));
};

/** The results with which a conversation ends, where the user has said nothing since. @throws Refusal PAYLOAD_TOO_LARGE */
export const resultsOf = (messages: readonly Message[]): readonly ToolResult[] => {
  const asked = messages.findLastIndex(({ role }) => role === 'user');
  return messages.flatMap((message, index) => {
    if (message.role !== 'tool' || index < asked) return [];
    const { toolCallId: call, content, error = '' } = message;
    if (contentToText(content).length + error.length > toolResultMax)
      throw new Refusal('PAYLOAD_TOO_LARGE', { field: `messages.${index}.content` });
    return [{ call, failed: error !== '' }];
  });
};
