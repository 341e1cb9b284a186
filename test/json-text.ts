import assert from 'node:assert/strict';
import { RelayError } from '../src/errors.ts';
import { parseJson, parseLongJson, type Read } from '../src/json.ts';
import { skip } from '../src/json-elements.ts';

/** Takes any JSON. */
export const anything: Read<string> = (json) => {
  const waits = skip(json);
  return waits === undefined ? 'read' : waits.then(() => 'read');
};

/** What is read, or the message of the refusal. */
export function parse<T>(text: string | Buffer, read: Read<T>): T | string {
  try {
    return parseJson(Buffer.from(text as string), read);
  } catch (error) {
    return messageOf(error);
  }
}

/** The same, read as a body is that may hold a long payload. */
export async function parseLong<T>(text: string, read: Read<T>): Promise<T | string> {
  return parseLongJson(Buffer.from(text), read).catch(messageOf);
}

function messageOf(error: unknown): string {
  assert.ok(error instanceof RelayError, String(error));
  assert.equal(error.code, 'invalid_input');
  return error.message;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A change of a text: where, how many characters go, and what comes instead. */
export type Edit = readonly [place: number, removed: number, put: string];

export function edited(text: string, edits: readonly Edit[]): string {
  return edits.reduce((before, [place, removed, put]) => {
    const at = place % (before.length + 1);
    return before.slice(0, at) + put + before.slice(at + removed);
  }, text);
}
