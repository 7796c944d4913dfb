import type { History, SagaEvent, Webhook } from './history.ts';
import { isCancelled, type Model, type Standing, undoing, type Wrong } from './model.ts';

/** Whether what had to follow from each booking followed, and who is outside was told that and nothing else. Pure. */

type Taken = Extract<SagaEvent['body'], { type: 'StepTaken' }>;

export const judgeFollowed = (history: History, model: Model, wrong: Wrong): void => {
  const logs = Map.groupBy(
    history.events.filter((event) => event.kind === 'saga'),
    ({ id }) => id,
  );
  const undone = new Set(
    history.events.flatMap((event) =>
      event.kind === 'booking' && event.command === undoing(event.id) ? [event.id] : [],
    ),
  );
  const heard = Map.groupBy(history.webhooks, ({ body }) => String(body['appointmentId']));
  for (const id of logs.keys())
    if (!model.bookings.has(id)) wrong(`something followed from ${id}, which is no booking`);
  for (const id of heard.keys())
    if (!model.bookings.has(id)) wrong(`somebody was told of ${id}, which is no booking`);
  for (const booking of model.bookings.values()) {
    const log = (logs.get(booking.id) ?? []).map(({ body }) => body);
    const taken = log.filter((body) => body.type === 'StepTaken');
    const failed = log.filter((body) => body.type !== 'StepTaken');
    if (failed.length !== (undone.has(booking.id) ? 1 : 0))
      wrong(
        `booking ${booking.id} failed ${failed.length} times, and was ${undone.has(booking.id) ? '' : 'not '}undone`,
      );
    judgeSteps(booking, taken, wrong);
    judgeEnd(booking, taken, history.isHeld, wrong);
    judgeTold(booking, taken, heard.get(booking.id) ?? [], wrong);
  }
  judgeNames(history.webhooks, wrong);
  const lost = [...logs.values()]
    .flat()
    .filter(({ body }) => body.type === 'StepTaken' && body.outcome === 'given-up');
  const letters = history.dead.filter(
    ({ hop, reason }) => hop === 'saga' && reason.startsWith('UPSTREAM_UNAVAILABLE'),
  );
  if (letters.length > lost.length)
    wrong(`${letters.length} dead letters of ${lost.length} steps that were given up`);
  for (const { hop, reason } of history.dead)
    if (hop !== 'saga' || !reason.startsWith('UPSTREAM_UNAVAILABLE'))
      wrong(`a dead letter of ${hop}: ${reason}`);
};

/** No step is taken twice, unless it was given up before. */
const judgeSteps = ({ id }: Standing, taken: readonly Taken[], wrong: Wrong): void => {
  const steps = Map.groupBy(taken, ({ step, of }) => (step === 'bill' ? step : `${step} of version ${of}`));
  for (const [name, own] of steps)
    if (own.slice(0, -1).some(({ outcome }) => outcome !== 'given-up'))
      wrong(`${name} of booking ${id} was taken ${own.length} times`);
};

/** It stands, charged and told of; or it is off, and so is the charge. */
const judgeEnd = (booking: Standing, taken: readonly Taken[], isHeld: boolean, wrong: Wrong): void => {
  const { id, version } = booking;
  const ends = (step: Taken['step'], of?: number): boolean =>
    taken.some((one) => one.step === step && (of === undefined || one.of === of));
  if (isCancelled(booking)) {
    if (!ends('void')) wrong(`booking ${id} is off and was not voided`);
    const wasTold = taken.some(
      ({ step, outcome, of }) => step === 'notify' && outcome === 'done' && of < version,
    );
    if (wasTold && !ends('notify', version)) wrong(`booking ${id} is off and nobody was told`);
    return;
  }
  if (!ends('bill')) wrong(`booking ${id} stands and was not charged`);
  if (taken.some(({ step, outcome }) => step === 'bill' && outcome === 'given-up'))
    wrong(`booking ${id} stands although its charge was given up`);
  if (!ends('notify', version)) wrong(`version ${version} of booking ${id} stands and nobody was told`);
  if (isHeld && booking.type !== 'AppointmentConfirmed')
    wrong(`booking ${id} stands and nobody confirmed it`);
};

/** What is said to have been done was taken, and only what stands is charged in the end. */
const judgeTold = (
  booking: Standing,
  taken: readonly Taken[],
  told: readonly Webhook[],
  wrong: Wrong,
): void => {
  const { id } = booking;
  const of = (type: string): readonly Webhook[] => told.filter(({ body }) => body['type'] === type);
  const wasTaken = (webhooks: readonly Webhook[]): boolean => webhooks.some((one) => one.taken);
  const isDone = (step: Taken['step']): boolean =>
    taken.some((one) => one.step === step && one.outcome === 'done');
  const isLost = (step: Taken['step']): boolean =>
    taken.some((one) => one.step === step && one.outcome === 'given-up');
  if (isDone('bill') && !wasTaken(of('charge.opened')))
    wrong(`the charge of booking ${id} is said to be open, and nobody took it`);
  if (isDone('void') && !wasTaken(of('charge.voided')))
    wrong(`the charge of booking ${id} is said to be void, and nobody took it`);
  for (const { of: version } of taken.filter(({ step, outcome }) => step === 'notify' && outcome === 'done'))
    if (
      !told.some(
        (one) =>
          one.taken && String(one.body['type']).startsWith('booking.') && one.body['version'] === version,
      )
    )
      wrong(`version ${version} of booking ${id} is said to be told, and nobody took it`);
  if (!isCancelled(booking) && of('charge.voided').length > 0)
    wrong(`booking ${id} stands and its charge was voided`);
  if (
    isCancelled(booking) &&
    of('charge.opened').length > 0 &&
    !wasTaken(of('charge.voided')) &&
    !isLost('void')
  )
    wrong(`booking ${id} is off and charged`);
};

/** A webhook is known by one id, and by that alone. A charge is one, whatever its booking has become. */
const judgeNames = (webhooks: readonly Webhook[], wrong: Wrong): void => {
  const aboutOf = ({ body }: Webhook): string => {
    const { type, appointmentId, version } = body;
    const isOfCharge = String(type).startsWith('charge.');
    return `${type} of ${isOfCharge ? '' : `version ${version} of `}booking ${appointmentId}`;
  };
  for (const [id, own] of Map.groupBy(webhooks, (one) => one.id)) {
    const about = new Set(own.map(aboutOf));
    if (about.size > 1) wrong(`the webhook ${id} is ${[...about].join(' and ')}`);
  }
  for (const [about, own] of Map.groupBy(webhooks, aboutOf)) {
    const ids = new Set(own.map(({ id }) => id));
    if (ids.size > 1) wrong(`${about} has ${ids.size} webhooks`);
  }
};
