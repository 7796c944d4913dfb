import { EventSchema } from '@ag-ui/core/schemas';
import { z } from 'zod';

/**
 * The events that AG-UI describes, and nothing beside them. The protocol's own schemas let unknown fields pass, for
 * whoever reads; who writes must not send any.
 */

/** The same schema without room for unknown fields, except where the protocol leaves an object open. */
const closed = (schema: z.core.$ZodType): z.core.$ZodType => {
  if (schema instanceof z.ZodObject) {
    if (schema.meta()?.['specOpen'] === true) return schema;
    const fields = Object.entries<z.core.$ZodType>(schema.def.shape);
    const shape = Object.fromEntries(fields.map(([name, field]) => [name, closed(field)]));
    return schema.clone({ ...schema.def, shape, catchall: z.never() });
  }
  if (schema instanceof z.ZodArray)
    return schema.clone({ ...schema.def, element: closed(schema.def.element) });
  if (schema instanceof z.ZodOptional)
    return schema.clone({ ...schema.def, innerType: closed(schema.def.innerType) });
  if (schema instanceof z.ZodUnion)
    return schema.clone({ ...schema.def, options: schema.def.options.map(closed) });
  return schema;
};

const described = closed(EventSchema);

/** True for what AG-UI describes to the last field. */
export const isDescribed = (event: unknown): boolean => z.core.safeParse(described, event).success;
