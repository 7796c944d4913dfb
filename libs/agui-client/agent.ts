import {
  AbstractAgent,
  type AgentCapabilities,
  type AgentConfig,
  type BaseEvent,
  type RunAgentInput,
} from '@ag-ui/client';
import { Observable } from 'rxjs';
import { type Asked, type Following, follow } from './following.ts';
import type { Refusal } from './frames.ts';
import { type Link, openLink } from './link.ts';
import { type LinkOptions, type Resolved, resolve } from './options.ts';
import { Refused } from './refused.ts';

export interface WsAgentConfig extends AgentConfig, LinkOptions {
  /** Which of the edge's agents answers. */
  readonly agent?: string;
}

/**
 * An AG-UI agent behind the edge, over one WebSocket that its runs and those of its clones share.
 *
 * A socket that drops is nothing that a run's reader notices, but for the time it takes: the run goes on without it, and
 * is resumed on the next socket, at whatever replica, after the last event that was seen. `abortRun` ends the run itself
 * and not just the listening to it, and the run then ends with the edge's last word; `detachActiveRun` only stops
 * listening, and `connectAgent` listens again to what goes on in the thread.
 *
 * A run that is refused before it began rejects with `Refused`; one that fails later ends with the event `RUN_ERROR`.
 */
export class WsAgent extends AbstractAgent {
  private agent: string;
  private options: Resolved;
  /** As many as it takes: a socket tells no two runs of one thread apart that are followed by different readers. */
  private links: Link[] = [];
  private followed = new Map<Following, Link>();

  /** @throws TypeError if the address is none or there is no WebSocket */
  constructor(config: WsAgentConfig) {
    super(config);
    this.agent = config.agent ?? 'assistant';
    this.options = resolve(config);
  }

  override run(input: RunAgentInput): Observable<BaseEvent> {
    return this.read({ kind: 'run', agent: this.agent, input });
  }

  protected override connect(input: RunAgentInput): Observable<BaseEvent> {
    return this.read({ kind: 'connect', input });
  }

  /** Cancels what this instance runs or is connected to. */
  override abortRun(): void {
    for (const [following, link] of this.followed) link.cancel(following);
  }

  /** @throws Refused */
  override async getCapabilities(): Promise<AgentCapabilities> {
    try {
      return await this.askCapabilities();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.askCapabilities(error.code);
      throw error;
    }
  }

  override clone(): WsAgent {
    const cloned: WsAgent = super.clone();
    cloned.agent = this.agent;
    cloned.options = this.options;
    cloned.links = this.links;
    cloned.followed = new Map();
    return cloned;
  }

  /** Lets go of every run, those of clones too, and of the socket. The next run opens another. */
  close(): void {
    for (const link of this.links) link.close();
  }

  private read(asked: Asked): Observable<BaseEvent> {
    return new Observable((reader) => {
      const following = follow(asked, reader);
      const link = this.linkFor(following.threadId);
      this.followed.set(following, link);
      reader.add(() => {
        this.followed.delete(following);
        link.leave(following);
      });
      link.follow(following);
    });
  }

  private async askCapabilities(refused?: string): Promise<AgentCapabilities> {
    const { httpUrl, token } = this.options;
    const headers = { authorization: `Bearer ${await token(refused)}` };
    const response = await fetch(`${httpUrl}/v1/agui/${this.agent}/capabilities`, { headers });
    const body: unknown = await response.json();
    if (!response.ok) throw new Refused({ ...(body as Refusal), status: response.status });
    return body as AgentCapabilities;
  }

  private linkFor(threadId: string): Link {
    const free = this.links.find((link) => link.takes(threadId));
    if (free) return free;
    const link = openLink(this.options);
    this.links.push(link);
    return link;
  }
}
