/** A column as a pack names it: `table.column`. */

export const tableOf = (reference: string): string => reference.slice(0, reference.indexOf('.'));

export const columnOf = (reference: string): string => reference.slice(reference.indexOf('.') + 1);
