// The real lode-miner as a child process. The program is the one that the environment variable LODE_MINER names.
import { Loded } from './loded.mjs';

export const agentProgram = process.env.LODE_MINER;
if (!agentProgram) throw new Error('LODE_MINER must name the agent to test');

export class Agent extends Loded {
  constructor(settings) {
    super(settings, agentProgram);
  }

  /** Returns once it serves; keeps its port over restarts, as its address is in miners files. */
  async start() {
    await super.start();
    this.port = Number(new URL(this.url).port);
    this.settings['axon.listen'] = `127.0.0.1:${this.port}`;
    return this.url;
  }
}
