import { readdir, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { below, chance, pick, type Random, seededRandom } from '../test/simulation/random.ts';
import { Client, type Load } from './client.ts';
import { look } from './look.ts';
import { Mail } from './mail.ts';
import { RelayProcess } from './relay-process.ts';
import { hold } from './violation.ts';
import { Wire } from './wire.ts';

const CLIENTS = 32;
const DEDUP_WINDOW_SECONDS = 20;
/** For a relay that is not disturbed, however busy the machine is. */
const LOOK_TIMEOUT_MS = 30_000;

/** What a relay and its clients are like. */
export interface Habits {
  /** What clients wait for an answer. */
  readonly timeoutMs: number;
  /** Lives of messages, of which each start of the relay has one. */
  readonly ttlSeconds: readonly number[];
  /** A full disk may be a reason to refuse a push. */
  readonly mayRefuse: boolean;
  /** Of the longer payloads. */
  readonly payloadScale: number;
}

export interface StageOptions extends Habits {
  readonly configPath: string;
  readonly storePath: string;
  /** A line for the shell that starts a relay. */
  readonly command: string;
  readonly seed: number;
}

/** Clients at work. */
export interface Working {
  /** Aborted once they are to stop. */
  readonly over: AbortSignal;
  /** They hear nothing that comes after the power was cut: what a relay says then does not count. */
  cutOff(cutNs: Promise<bigint>): void;
  /** Has them stop; rejects with what they have found. */
  end(): Promise<void>;
}

/** A relay on a directory, its clients, and what they know: all that lasts over the rounds. */
export class Stage {
  readonly random: Random;
  readonly mail: Mail;
  starts = 0;
  readonly #options: StageOptions;
  readonly #recipients = Array.from({ length: 12 }, (_, index) => `mailbox ${index}`);
  readonly #clients: readonly Client[];
  #relay: RelayProcess | undefined;
  #url = '';

  constructor(options: StageOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    this.mail = new Mail(this.#recipients, DEDUP_WINDOW_SECONDS * 1_000);
    this.#clients = Array.from(
      { length: CLIENTS },
      () => new Client(seededRandom(below(this.random, 2 ** 32))),
    );
  }

  get relay(): RelayProcess {
    if (this.#relay === undefined) throw new Error('no relay was started');
    return this.#relay;
  }

  /** Starts the relay, and checks everything that it has. */
  async start(): Promise<void> {
    this.mail.restarted();
    const relay = await this.spawn();
    this.#url = await relay.listening;
    await this.look();
  }

  /** Starts the relay and kills it before long, as may happen while it starts. */
  async startAndKill(): Promise<void> {
    const relay = await this.spawn();
    await pause(below(this.random, 400));
    await relay.kill();
  }

  async spawn(): Promise<RelayProcess> {
    const { command, configPath, storePath } = this.#options;
    const ttlSeconds = pick(this.random, this.#options.ttlSeconds);
    this.mail.ttlMs = ttlSeconds * 1_000;
    await writeFile(configPath, configText(storePath, ttlSeconds));
    this.starts++;
    this.#relay = new RelayProcess(command, configPath);
    return this.#relay;
  }

  /** Lets go of the relay, whatever it is doing. */
  async end(): Promise<void> {
    this.#relay?.signal('SIGKILL');
    await this.#relay?.gone;
  }

  /** Checks everything, while no client is at work. */
  async look(): Promise<void> {
    const wire = new Wire(this.#url, LOOK_TIMEOUT_MS);
    await look(wire, this.mail, this.#recipients);
    wire.close();
    hold(this.#options.mayRefuse || this.relay.errors.length === 0, () => this.relay.errors.join('\n'));
    const damaged = (await readdir(this.#options.storePath)).filter((name) => name.endsWith('.bad'));
    hold(damaged.length === 0, () => `damaged: ${damaged}`);
  }

  /** Lets all clients work until something is reached, which it must be in time. */
  async loadUntil(ackShare: number, reached: () => boolean, msMax: number, otherwise: string): Promise<void> {
    const load = this.load(ackShare);
    const untilMs = performance.now() + msMax;
    while (!reached() && !load.over.aborted && performance.now() < untilMs) await pause(20);
    await load.end();
    hold(reached(), () => `${otherwise}: ${this.relay.lines.join('\n')}`);
  }

  /** Sets all clients to work. */
  load(ackShare = this.#ackShare()): Working {
    const over = new AbortController();
    const { mayRefuse, payloadScale, timeoutMs } = this.#options;
    const wire = new Wire(this.#url, timeoutMs);
    const [mail, recipients] = [this.mail, this.#recipients];
    const load: Load = { wire, mail, recipients, over: over.signal, ackShare, payloadScale, mayRefuse };
    this.relay.gone.then(() => over.abort());
    const working = Promise.all(this.#clients.map((client) => client.run(load)));
    working.catch(() => over.abort());
    return {
      over: over.signal,
      cutOff(cutNs) {
        wire.cutNs = cutNs;
      },
      async end() {
        over.abort();
        await working;
        wire.close();
      },
    };
  }

  /** More acks than pushes once much is queued, so that what has to be compared stays within bounds. */
  #ackShare(): number {
    let queued = 0;
    for (const recipient of this.#recipients) queued += this.mail.in(recipient).size;
    return queued > 4_000 ? 0.6 : chance(this.random, 0.2) ? 0.5 : 0.25;
  }
}

function configText(path: string, ttlSeconds: number): string {
  return [
    'address = "127.0.0.1:0"',
    '[storage]',
    'kind = "disk"',
    `path = ${JSON.stringify(path)}`,
    '[relay]',
    `message_ttl_seconds = ${ttlSeconds}`,
    `dedup_window_seconds = ${DEDUP_WINDOW_SECONDS}`,
    'gc_interval_seconds = 1',
    '[rate_limit]',
    'enabled = false',
    '[log]',
    'level = "warn"',
  ].join('\n');
}
