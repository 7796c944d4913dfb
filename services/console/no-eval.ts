import { config } from 'zod/v4/core';

// The client of AG-UI reads events by zod, which tries at its first schema whether it may make code of text. The page's
// policy forbids that and says so; this has zod not try. To be imported before the client.
config({ jitless: true });
