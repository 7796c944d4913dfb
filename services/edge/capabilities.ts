import type { AgentCapabilities } from '@ag-ui/core';
import { clientTool } from '@jangada/proto/client-tools.ts';
import { activityType } from './progress.ts';

/** What the agent can do, as AG-UI says it. Only what holds: a client shows what is named here. */
export const capabilitiesOf = (runDeadlineMs: number): AgentCapabilities => ({
  identity: { name: 'jangada', type: 'jangada' },
  transport: {
    streaming: true,
    websocket: true,
    httpBinary: true,
    pushNotifications: false,
    resumable: true,
  },
  tools: { supported: true, clientProvided: true, parallelCalls: false },
  output: { structuredOutput: false },
  state: { snapshots: true, deltas: true, memory: false, persistentState: false },
  multiAgent: { supported: false },
  reasoning: { supported: false },
  multimodal: { input: { image: false, audio: false, video: false, pdf: false, file: false } },
  execution: { codeExecution: false, maxExecutionTime: runDeadlineMs },
  humanInTheLoop: { supported: true, approvals: true, interrupts: true, feedback: false },
  // What `forwardedProps` may ask for beside the answer, and the tools of a client's that a pack may allow.
  custom: { steps: true, state: true, activities: [activityType], clientTools: clientTool.options },
});
