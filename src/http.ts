import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Admit, Reply } from './api.ts';

/** Reads requests and writes replies; knows no rule of the relay. */
export function createHttpServer(admit: Admit): Server {
  return createServer(async (request, response) => {
    const { method = '', url = '', headers, socket } = request;
    const admitted = admit({ method, target: url, headers, peer: socket.remoteAddress ?? '' });
    write(response, 'run' in admitted ? await admitted.run(await read(request)) : admitted);
  });
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

function write(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
