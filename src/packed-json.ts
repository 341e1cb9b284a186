import { base64Length } from './base64.ts';
import { pageBuffers } from './buffer-pool.ts';
import type { PackedMessage } from './message.ts';
import { packed } from './packed.ts';
import { beforeId, FIXED_BYTES_MAX, wordsBehindId } from './page.ts';

packed?.putWords(wordsBehindId);

/** As `messagesJson`, of good records of one mailbox; undefined where one has something special about it. */
export function packedJson(
  messages: readonly PackedMessage[],
  before: string,
  after: string,
): Buffer | undefined {
  const textBytes = packed?.putText(`,${beforeId(JSON.stringify(messages[0]?.recipient))}`) ?? 0;
  if (packed === undefined || textBytes === 0) return undefined;
  packed.begin();
  const lengthMax = ({ length, payloadBytes }: PackedMessage): number =>
    textBytes + FIXED_BYTES_MAX + length - payloadBytes + base64Length(payloadBytes);
  const { code, memory, text, output, outputEnd } = packed;
  const json = pageBuffers.take(
    messages.reduce((sum, message) => sum + lengthMax(message), 3 * (before.length + after.length)),
  );
  let jsonBytes = json.write(before);
  let to = output;
  const flush = (): void => {
    jsonBytes += memory.copy(json, jsonBytes, output, to);
    to = output;
  };
  // No comma stands before the first.
  let skipped = 1;
  for (const message of messages) {
    const { bytes, at, length } = message;
    if (to + lengthMax(message) > outputEnd) flush();
    const record = packed.addressOf(bytes, at, length);
    to = record === 0 ? 0 : code.write(record, length, to, text + skipped, textBytes - skipped);
    if (to === 0) {
      pageBuffers.give(json);
      return undefined;
    }
    skipped = 0;
  }
  flush();
  jsonBytes += json.write(after, jsonBytes);
  return pageBuffers.shorten(json, jsonBytes);
}
