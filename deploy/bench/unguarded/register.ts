import { registerHooks } from 'node:module';

/**
 * Loaded before a service, it puts statements and bodies in the place of sealed ones: what is measured against shows
 * what sealing costs. Only the benchmark has such a build; no service can be told to do without.
 */
const replaced = ['seal', 'body'];

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    const name = replaced.find((one) => found.url.endsWith(`/libs/trust/${one}.ts`));
    if (!name || context.parentURL?.startsWith(import.meta.resolve('./'))) return found;
    return { ...found, url: import.meta.resolve(`./${name}.ts`) };
  },
});
