/**
 * Attacks that no driver here carries out: because another test of this repository does, because the mechanism belongs
 * to a later part, or because there is nothing to attack. Each says why.
 */

interface Elsewhere {
  readonly verdict: 'later' | 'elsewhere' | 'not applicable';
  readonly area: string;
  readonly words: RegExp;
  readonly why: string;
  /** The test that shows it, as `file: title`. */
  readonly test?: string;
}

export const elsewhere: readonly Elsewhere[] = [
  {
    verdict: 'elsewhere',
    area: 'llm',
    words: /tool outside|id not in the granted/i,
    why: 'a model has no tools to call and nobody to send to, and of what it says only what is granted is told; npm run proof:guard does it to the whole system',
    test: 'services/response-generation/model.test.ts: of a model that does whatever it is told has no row, field or action more',
  },
  {
    verdict: 'elsewhere',
    area: 'llm',
    words: /slow or hanging|never answers/i,
    why: 'waits for as long as a model may be silent',
    test: 'services/response-generation/model.test.ts: is composed where the model falls silent for 5 s, never begins, or is not there',
  },
  {
    verdict: 'elsewhere',
    area: 'retention',
    words: /legal hold/i,
    why: 'the hold is placed between two batches of a run on a real PostgreSQL, and nothing goes after it',
    test: 'deploy/sweep.test.ts: that is placed between two batches keeps what is left, and what it kept goes with the next run',
  },
  {
    verdict: 'elsewhere',
    area: 'retention',
    words: /statutory minimum/i,
    why: 'rules are of a pack, and one below its legal minimum is not loaded',
    test: 'libs/packs/registry.test.ts: with clinical records that go before the law lets them',
  },
  {
    verdict: 'elsewhere',
    area: 'retention',
    words: /mixed partition/i,
    why: 'rows go in batches, and a month is taken out only once it is empty',
    test: 'deploy/conversations.test.ts: is taken out once its rows are due and gone, of every tenant, and not while a hold keeps one',
  },
  {
    verdict: 'elsewhere',
    area: 'retention',
    words: /report claims/i,
    why: 'a report is held against the list before it is told, again when it is told once more, and by the command line',
    test: 'deploy/sweep.test.ts: that was changed since it was told is not carried out, and a report that does not agree with it is not told',
  },
  {
    verdict: 'elsewhere',
    area: 'retention',
    words: /clock jump/i,
    why: 'the clocks of the process, of the database and of the tick are put against each other',
    test: 'deploy/sweep.test.ts: is made by no clock that another contradicts',
  },
  { verdict: 'later', area: 'ops', words: /./, why: 'operation under failure of machines is a later part' },
  {
    verdict: 'elsewhere',
    area: 'crypto',
    words: /backup|shredd/i,
    why: 'a backup comes back there on a server of its own, which no running system forgives',
    test: 'deploy/privacy.test.ts: a backup that comes back brings back nobody who was erased: the ledger is carried out again',
  },
  {
    verdict: 'elsewhere',
    area: 'crypto',
    words: /retired|old KEK|min_decrypt/i,
    why: 'a version is put out of use there on a database of its own, which no running system forgives',
    test: 'libs/vault/vault.test.ts: a key under a version that was put out of use is refused',
  },
  {
    verdict: 'elsewhere',
    area: 'crypto',
    words: /concurrent|first use|many (?:DEKs|at once)/i,
    why: 'twenty at once seal for a person who has no key yet, on a real PostgreSQL',
    test: 'libs/vault/vault.test.ts: twenty at once seal for a new person: one key',
  },
  {
    verdict: 'elsewhere',
    area: 'crypto',
    words: /blind index|frequency|histogram/i,
    why: 'only values of which a person has one are indexed; names, which are frequent, are not',
    test: 'libs/vault/vault.test.ts: no index is had by more than a few of many people',
  },
  {
    verdict: 'elsewhere',
    area: 'poison',
    words: /kills the process|process\.abort|crash/i,
    why: 'nothing that comes in makes a process abort; what was delivered too often, whatever ended each delivery, dies before its body is read',
    test: 'libs/testkit/conformance.ts: gives up on what was delivered too often, whatever ended each delivery',
  },
  {
    verdict: 'not applicable',
    area: 'authz',
    words: /policy (?:bundle|file)|tampered on disk/i,
    why: 'the rules are code of the build and checked with it; no file is read that could be changed by itself',
  },
];
