import { Unprocessable } from '@jangada/hop/outcome.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { questionHash } from '@jangada/trust/pass.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';

await using service = await serve(contract, configOf(['PASS_PUBLIC_KEYS', 'MESSAGE_KEYS']), {
  gather: async ({ question }, { pass }) => {
    // The pass is for one question: whoever changed the text on the way does not get it answered.
    if (questionHash(question) !== pass.qh)
      throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'the question is not the signed one');
    return { pack: packOf(pass.pack), now: Temporal.Now.instant(), zone: pass.zone, locale: pass.loc };
  },
  decide,
});

await service.stopped;
