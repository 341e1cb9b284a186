import { crc32 } from 'node:zlib';
import { RelayError } from '../../src/errors.ts';
import type { Message } from '../../src/message.ts';
import type { Page } from '../../src/stores/store.ts';
import { CutShort } from './http-store.ts';

/** A page as clients see it. */
export interface VisiblePage extends Pick<Page, 'more' | 'remaining'> {
  readonly messages: readonly object[];
}

export function visible({ recipient, messageId, meta, payload, arrivalMs, deadlineMs }: Message): object {
  return { recipient, messageId, meta, length: payload.length, crc: crc32(payload), arrivalMs, deadlineMs };
}

export function visiblePage({ messages, more, remaining }: Page): VisiblePage {
  return { messages: messages.map(visible), more, remaining };
}

export async function answerOf(call: () => Promise<object>): Promise<object> {
  try {
    return await call();
  } catch (error) {
    return refusal(error);
  }
}

export function answerOfModel(call: () => object | undefined): object | undefined {
  try {
    return call();
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): object {
  if (error instanceof RelayError || error instanceof CutShort) return { code: error.code };
  throw error;
}

export function isSame(a: unknown, b: unknown): boolean {
  return inspect(a) === inspect(b);
}

export function inspect(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}
