import { InvalidArgumentError, Option } from 'commander';

const daysOf = (text: string): number => {
  const days = Number(text);
  if (Number.isInteger(days) && days > 0) return days;
  throw new InvalidArgumentError('a number of days');
};

/** How far back a command looks. */
export const daysOption = (usual = 30): Option =>
  new Option('-d, --days <count>', 'of how many days').argParser(daysOf).default(usual);
