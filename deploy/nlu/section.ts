import { parentPort, workerData } from 'node:worker_threads';
import { type Name, sections } from './sections.ts';

/** The worker that measures one section. */

parentPort?.postMessage(await sections[workerData as Name]());
