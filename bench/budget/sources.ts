import { drive } from '../drive.ts';
import { newRecipient, pullRequest } from '../requests.ts';
import { times } from '../scenario.ts';
import { emptyPulls, type Script } from '../scripts.ts';
import { addedMb } from './memory.ts';
import type { Row } from './rows.ts';

const SOURCES = 1_000_000;
const CONNECTIONS = 64;

/** Memory that the rate limits take for clients, all of whom come through one proxy. */
export const sources: Row = {
  name: 'sources-1m',
  about: 'memory that requests from 1,000,000 addresses leave behind',
  allowedMb: 32,
  settings: async () => ({ 'rate_limit.trusted_proxies': '["127.0.0.1"]' }),
  measure(stage) {
    const recipient = newRecipient();
    let source = 0;
    const nextSource = () => (source < SOURCES ? source++ : undefined);
    const scripts = times(CONNECTIONS, () => pullsFrom(nextSource, recipient));
    return addedMb(stage, () => drive(stage.relay, scripts));
  },
};

/** Empty pulls, each for another address: 1.0.0.0 and on. */
function pullsFrom(nextSource: () => number | undefined, recipient: string): Script {
  const [line = '', rest = ''] = pullRequest(recipient)
    .toString()
    .split(/(?<=HTTP\/1\.1\r\n)/);
  return {
    next() {
      const source = nextSource();
      if (source === undefined) return undefined;
      const address = [1 + (source >> 24), source >> 16, source >> 8, source].map((part) => part & 0xff);
      return Buffer.from(`${line}X-Forwarded-For: ${address.join('.')}\r\n${rest}`);
    },
    check: emptyPulls(recipient).check,
  };
}
