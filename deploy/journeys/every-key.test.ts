import { afterAll } from 'vitest';
import { sharedJourney } from './journey.ts';

/** Every key there is, replaced while people ask, in one system: first those of fields, then those that sign and seal messages. */

import './keys.ts';
// Ends the sign-ins that came before.
import './rotate.ts';

afterAll(async () => (await sharedJourney())[Symbol.asyncDispose]());
