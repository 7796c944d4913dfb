/** A personal value as someone sees it who may know that it exists, not what it is. */
export const maskOf = (mask: 'email' | 'phone' | 'hide', value: string): string => {
  const [, first, domain] = /^(.).*@([^@]+)$/s.exec(value) ?? [];
  if (mask === 'email' && first && domain) return `${first}***@${domain}`;
  if (mask === 'phone' && value.length > 8) return `***${value.slice(-4)}`;
  return '***';
};
