/** Figures of one process, each summed over its labels. */
export type Figures = ReadonlyMap<string, number>;

/** Reads Prometheus' text format. */
export const figuresOf = (exposition: string): Figures => {
  const sums = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    const [, name, value] = /^([a-zA-Z_:]\w*)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
};

const scrapeMs = 3_000;

/** Undefined where nobody answers, or something else does. */
export const scrape = async (url: string): Promise<Figures | undefined> => {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(scrapeMs) });
    return response.ok ? figuresOf(await response.text()) : undefined;
  } catch {
    return undefined;
  }
};
