import { onPath } from './command.ts';

/** The path of a Chromium that is installed here. Undefined where there is none: it is not fetched, with all it stands on. */
export const installedBrowser = (): Promise<string | undefined> =>
  onPath('chromium', 'chromium-browser', 'google-chrome');
