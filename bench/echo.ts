import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net';
import { certificatePath } from './certificate.ts';

/**
 * The bare servers, a program of its own: what Node costs when nothing is kept. Each answers a constant, which its
 * parent gives it for each path.
 *
 * - http, https: Node's server; it reads the body and parses it as JSON.
 * - socket: a socket alone; whatever comes in one piece is a request, and not looked at.
 */
export type Floor = 'http' | 'https' | 'socket';

export interface ConstantAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Above this, a body is kept as bytes, as writing a long string would encode it anew for every answer. */
const STRING_LENGTH_MAX = 16_384;

const answers = new Map<string, { headers: Readonly<Record<string, string>>; body: string | Buffer }>();
/** The whole answer of a bare socket, which knows no paths. */
let answerText = '';

const answerRequest: RequestListener = (request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    JSON.parse(Buffer.concat(pieces).toString());
    const { headers, body } = answers.get(request.url ?? '') ?? { headers: {}, body: '' };
    response.writeHead(200, headers);
    response.end(body);
  });
};

const starts: Record<Floor, () => Server> = {
  http: () => createHttpServer(answerRequest),
  https() {
    const pem = readFileSync(certificatePath);
    return createHttpsServer({ cert: pem, key: pem }, answerRequest);
  },
  socket: () =>
    createSocketServer({ noDelay: true }, (socket) => {
      socket.on('data', () => socket.write(answerText));
      socket.on('error', () => {});
    }),
};

process.on('message', (constants: [path: string, answer: ConstantAnswer][]) => {
  for (const [path, { headers, body }] of constants) {
    answers.set(path, { headers, body: body.length > STRING_LENGTH_MAX ? Buffer.from(body) : body });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    answerText = `HTTP/1.1 200 OK\r\n${lines.join('')}\r\n${body}`;
  }
  process.send?.('ready');
});
process.on('disconnect', () => process.exit());

const server = starts[process.argv[2] as Floor]();
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
