import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The bare server, a program of its own: what `node:http` costs when nothing is kept. It reads the body, parses it as
 * JSON and answers a constant, which its parent gives it for each path.
 */
export interface ConstantAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Above this, a body is kept as bytes, as writing a long string would encode it anew for every answer. */
const STRING_LENGTH_MAX = 16_384;

const answers = new Map<string, { headers: Readonly<Record<string, string>>; body: string | Buffer }>();

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    JSON.parse(Buffer.concat(pieces).toString());
    const { headers, body } = answers.get(request.url ?? '') ?? { headers: {}, body: '' };
    response.writeHead(200, headers);
    response.end(body);
  });
});

process.on('message', (constants: [path: string, answer: ConstantAnswer][]) => {
  for (const [path, { headers, body }] of constants) {
    answers.set(path, { headers, body: body.length > STRING_LENGTH_MAX ? Buffer.from(body) : body });
  }
  process.send?.('ready');
});
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
