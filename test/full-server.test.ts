// What is promised over the wire holds without the reader of plain requests too.
process.env.PLAIN_READER = 'off';
for (const name of [
  'ack',
  'again',
  'attack/endings',
  'attack/smuggling',
  'body',
  'hand-over',
  'kept-connections',
  'lifecycle',
  'long-bodies',
  'metrics',
  'pull',
  'pull-parts',
  'push',
  'rate-limit-wire',
  'room',
  'routes',
  'slow-readers',
  'slow-senders',
  'status',
  'tls',
  'tls-files',
  'transport',
  'unanswered',
]) {
  await import(`./${name}.test.js`);
}
