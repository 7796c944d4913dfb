/** A personal value as someone sees it who may know that it exists, not what it is. */
export const maskOf = (mask: 'email' | 'phone' | 'hide', value: string): string => {
  if (mask === 'email') return value.replace(/^(.).*@/, '$1***@');
  if (mask === 'phone') return `***${value.slice(-4)}`;
  return '***';
};
