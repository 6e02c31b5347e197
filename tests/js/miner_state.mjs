// The container of a compute-subnet 1.8.3 miner and what each call does to it, its bad manners included: a register
// destroys whatever runs, the docker actions ask for no key, a paused container counts as free.
import crypto from 'node:crypto';

const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };

/** An error that the miner's code does not catch: its axon closes the connection without a byte. */
export class MinerRaised extends Error {}

/** RSA-OAEP with SHA-256 under a PEM; raises for any other kind of key, for this miner knows only RSA. */
export function encryptInfo(publicKey, info) {
  let key;
  try {
    key = crypto.createPublicKey(publicKey);
  } catch {
    throw new MinerRaised('the public key is no PEM');
  }
  if (key.asymmetricKeyType !== 'rsa') throw new MinerRaised(`a key of kind ${key.asymmetricKeyType}`);
  return crypto.publicEncrypt({ key, ...oaep }, Buffer.from(JSON.stringify(info))).toString('base64');
}

const isNumber = (v) => typeof v === 'number' && Number.isFinite(v);

function deviceIsComplete({ cpu, ram, hard_disk: disk, gpu }) {
  return (
    Number.isInteger(cpu?.count) &&
    cpu.count >= 1 &&
    isNumber(ram?.capacity) &&
    isNumber(disk?.capacity) &&
    typeof gpu === 'object' &&
    gpu !== null &&
    (Object.keys(gpu).length === 0 || 'capacity' in gpu)
  );
}

export class MinerState {
  /** @param options sshPort; at: whether the miner has the `at` command; changed: called after each change. */
  constructor({ sshPort, at = true, changed = () => {} }) {
    this.sshPort = sshPort;
    this.at = at;
    this.changed = changed;
    /** null, or {id, name, state: 'running' | 'paused' | 'exited', ...}. */
    this.container = null;
    /** The file `allocation_key`: null before there is one, '' after a deregister. */
    this.allocationKey = null;
    /** What it shows in W&B: the hotkey that it is allocated to. */
    this.allocated = null;
    /** Whether it believes that a registration is under way. */
    this.registering = false;
    this.made = 0;
  }

  /** The output of a call, `port` included, and its effect. */
  perform(synapse) {
    const output = this.#decide(synapse);
    if (!synapse.checking && output.status === true)
      this.allocated = synapse.timeline > 0 ? (synapse.dendrite?.hotkey ?? null) : null;
    output.port = this.sshPort;
    return output;
  }

  /** From outside: the container stops (and stays), as after a crash of its sshd. */
  stop() {
    if (this.container) this.container.state = 'exited';
    this.changed();
  }

  /** From outside: the container is gone, as after the operator or the scheduled kill removed it. */
  remove() {
    this.container = null;
    this.changed();
  }

  #decide(synapse) {
    const { checking, timeline, docker_change: change, public_key: key } = synapse;
    if (checking && timeline > 0) return { status: this.container?.state !== 'running' };
    if (checking) return { status: this.#isStored(key) && this.container?.state === 'running' };
    if (change) return this.#change(synapse.docker_action);
    return timeline > 0 ? this.#register(synapse) : this.#deregister(key);
  }

  #isStored(key) {
    return this.allocationKey !== null && this.allocationKey.trim() === key.trim();
  }

  #register({ device_requirement: device, docker_requirement: docker, public_key: key, timeline }) {
    if (this.registering) return { status: false };
    this.remove();
    const sshKey = docker.ssh_key ?? '';
    // The key goes into an echo between single quotes: with one of these the image does not build.
    if (!deviceIsComplete(device) || typeof sshKey !== 'string' || /['\r\n]/.test(sshKey)) return { status: false };

    const password = crypto.randomBytes(8).toString('base64url').slice(0, 10);
    this.made += 1;
    this.container = {
      id: this.made,
      name: device.testing === true ? 'ssh-test-container' : 'ssh-container',
      state: 'running',
      restarts: 0,
      authorizedKeys: [sshKey, ''],
      password,
      timeline,
      device,
      docker,
    };
    this.changed();
    const info = encryptInfo(key, { username: 'root', password, port: this.sshPort, version: 183 });
    this.allocationKey = key;
    return this.at ? { status: true, info } : { status: false };
  }

  #deregister(key) {
    if (!this.#isStored(key)) return { status: false };
    this.remove();
    this.allocationKey = '';
    return { status: true };
  }

  // Only a name that holds "ssh-container" is looked for, which a test container's does not.
  #change({ action, ssh_key: sshKey, key_type: type }) {
    const container = this.container?.name.includes('ssh-container') ? this.container : null;
    const running = container?.state === 'running';
    switch (action) {
      case 'restart':
        if (running) this.#restart(container);
        return { status: container !== null };
      case 'pause':
        if (running) this.#become(container, 'paused');
        return { status: running };
      case 'unpause':
      case 'resume': {
        const paused = container?.state === 'paused';
        if (paused) this.#become(container, 'running');
        return { status: paused };
      }
      case 'exchange_key': {
        const line = ['user', 'terminal'].indexOf(type);
        if (running && line < 0) return { status: false };
        if (running) {
          container.authorizedKeys[line] = sshKey;
          this.#restart(container);
        }
        return { status: container !== null };
      }
      default:
        return {};
    }
  }

  #restart(container) {
    container.restarts += 1;
    this.changed();
  }

  #become(container, state) {
    container.state = state;
    this.changed();
  }
}
