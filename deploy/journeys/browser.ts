import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installedBrowser } from '@jangada/servers/browser.ts';
import { Talk } from '@jangada/testkit/overheard.ts';
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { root } from '../topology.ts';

/** The console as people meet it: in a browser of this machine. */

/** Where the browser is; undefined where there is none, and then nothing is tried in one. */
export const installed = await installedBrowser();

/**
 * A window loads two pages for its address bar, which nobody sees and which cost more than the console's. Chromium takes the
 * last such list alone, so what Playwright turns off that a page or its end would notice stands here again.
 */
const off = [
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
];

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    ...(installed ? { executablePath: installed } : {}),
    args: [
      `--disable-features=${off}`,
      // Root has no sandbox to go into.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });

/** How long something on a page may take to show itself, on a machine with much else to do. */
const patienceMs = 60_000;

/** A tab, and what the browser held against the page: errors, and what the page's policy stopped. */
export interface Tab {
  readonly page: Page;
  readonly complaints: readonly string[];
}

/** Opens an address as somebody whose browser speaks a language and likes a theme. */
export const visit = async (
  browser: Browser,
  url: string,
  about: { readonly locale: string; readonly colorScheme: 'light' | 'dark' },
): Promise<Tab> => {
  const context = await browser.newContext({
    ...about,
    viewport: { width: 1_200, height: 800 },
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  page.on('websocket', (socket) => {
    const talk = new Talk();
    socket.on('framesent', ({ payload }) => talk.ask(String(payload)));
    socket.on('framereceived', ({ payload }) => talk.tell(String(payload)));
  });
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    // An answer other than 200 is none of the page's faults, nor is a run that was refused, of which the client writes too.
    const isRefusal = /status of|^Agent execution failed: Refused: /.test(message.text());
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
};

/** What makes the page hard or impossible to use for some, by the rules of WCAG, if that is serious. */
export const barriersIn = async (page: Page): Promise<readonly string[]> => {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe.source);
  // Of what passes one place of each rule is told: naming them all was most of the work.
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run({
      resultTypes: ['violations'],
    }),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};

/** Where pictures are kept. */
const folder = join(root, '.jangada', 'console');
/** Nothing is compared with them, and they are a good part of what the browser costs. */
const wanted = process.env['CONSOLE_PICTURES'] === 'true';

const keep = async (page: Page, name: string): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
};

/** Keeps how the page looks in both themes, where somebody wants to see it. */
export const picture = async (page: Page, name: string): Promise<void> => {
  if (!wanted) return;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await keep(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
};

/**
 * How a page looks in both themes and in the other language, and that nobody is kept out of it. The language is as before
 * in the end.
 */
export const look = async (page: Page, name: string): Promise<void> => {
  const barriers = await barriersIn(page);
  if (barriers.length > 0) throw new Error(`barriers of ${name}:\n${barriers.join('\n')}`);
  await picture(page, name);
  const languages = page.locator('.preferences select').first();
  const before = await languages.inputValue();
  const other = before === 'en' ? 'pt-BR' : 'en';
  await languages.selectOption(other);
  await page.locator(`html[lang="${other}"]`).waitFor({ state: 'attached' });
  if (wanted) await keep(page, `${name}-${other}`);
  await languages.selectOption(before);
};
