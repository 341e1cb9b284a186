/** A program with an HTTP server of its own, and a relay in it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createHandler, openStore, resolveConfig } from 'enigma-relay';

const config = resolveConfig({ storage: { kind: 'memory' } });
const store = await openStore(config);
const relay = createHandler(config, { store });

const server = createServer((request, response) => {
  if (request.url === '/') response.end('Here is a program of your own.\n');
  else relay.handle(request, response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(server.address());

process.once('SIGTERM', async () => {
  await relay.stop();
  server.close();
  await once(server, 'close');
  await store.close();
});
