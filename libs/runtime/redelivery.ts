import { type Span, TraceFlags } from '@opentelemetry/api';
import type { Heard } from './heard.ts';

/** A message that comes again: when it shall, and how its span says so. */

/**
 * Wait before a message is delivered again: doubles from 250 ms to 5 s, with jitter so that a crowd spreads out. Whole
 * milliseconds: the broker takes a delay that is no integer for none and delivers at once.
 */
export const redeliveryDelayMs = (delivery: number): number =>
  Math.round(Math.min(5_000, 250 * 2 ** Math.min(delivery - 1, 6)) * (0.75 + Math.random() / 2));

export const markRedelivered = (span: Span, heard: Heard): void => {
  span.setAttribute('nats.redelivered', true);
  span.setAttribute('nats.delivery', heard.delivery);
  const origin = heard.traceparent?.split('-');
  if (origin?.[1] && origin[2]) {
    span.addLink({ context: { traceId: origin[1], spanId: origin[2], traceFlags: TraceFlags.SAMPLED } });
  }
};
