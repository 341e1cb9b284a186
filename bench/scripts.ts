import type { Answer } from './answer.ts';
import { ackRequest, PushTemplate, pullRequest } from './requests.ts';

/** Messages of a full page: what relays give when they are not told. */
export const PAGE_MESSAGES = 256;

/** What one connection says: the next request, and a look at its answer. A count of wrong answers is no measurement. */
export interface Script {
  /** The bytes of the next request, left alone until its answer; undefined when all has been said. */
  next(): Buffer | undefined;
  /** Throws when the answer to the last request is not the right one. */
  check(answer: Answer): void;
}

/** How many requests some scripts have left between them: they take turns by it. */
export interface Budget {
  requests: number;
}

/** Requests of a script that ends only with its time. */
export const ENDLESS = Number.MAX_SAFE_INTEGER;

/** Pushes of new messages to the recipients in turn; scripts with one budget spread them evenly. */
export function pushes(recipients: readonly string[], payloadBytes: number, budget: Budget): Script {
  const template = new PushTemplate(payloadBytes);
  return {
    next() {
      if (budget.requests === 0) return undefined;
      budget.requests -= 1;
      return template.next(recipients[budget.requests % recipients.length] as string);
    },
    check: (answer) => expectPart(answer, '"stored":true'),
  };
}

/** Pulls from a mailbox with nothing in it. */
export function emptyPulls(recipient: string, requests = ENDLESS): Script {
  const request = pullRequest(recipient);
  let left = requests;
  return {
    next: () => (left-- > 0 ? request : undefined),
    check: (answer) => expectPart(answer, '"items":[]'),
  };
}

/** Reads a mailbox from its first message to its last, page by page, and deletes nothing. */
export function readThrough(recipient: string, messages: number): Script {
  let left = messages;
  let cursor: string | null = null;
  return {
    next: () => (left > 0 ? pullRequest(recipient, cursor) : undefined),
    check(answer) {
      const page = readPage(answer);
      expectFull(page, left);
      left -= PAGE_MESSAGES;
      cursor = page.cursor;
    },
  };
}

/** Pulls the first page of one mailbox after another, again and again; each must be full. */
export function fullPages(recipients: readonly string[]): Script {
  const requests = recipients.map((recipient) => pullRequest(recipient));
  let turn = 0;
  return {
    next: () => requests[turn++ % requests.length],
    check: (answer) => expectFull(readPage(answer), PAGE_MESSAGES),
  };
}

/** Pulls a page, acks it, and pulls the next with its cursor, as clients do, until the mailbox is empty. */
export function drain(recipient: string, messages: number): Script {
  let left = messages;
  let page: Page = { messageIds: [], cursor: null };
  return {
    next() {
      if (page.messageIds.length > 0) return ackRequest(recipient, page.messageIds);
      return left > 0 ? pullRequest(recipient, page.cursor) : undefined;
    },
    check(answer) {
      if (page.messageIds.length > 0) {
        expectPart(answer, `"deleted":${page.messageIds.length},`);
        page = { messageIds: [], cursor: page.cursor };
        return;
      }
      page = readPage(answer);
      expectFull(page, left);
      left -= PAGE_MESSAGES;
    },
  };
}

/** Push, pull, ack of one message after another, on a mailbox of its own. */
export function cycles(recipient: string, payloadBytes: number): Script {
  const push = pushes([recipient], payloadBytes, { requests: ENDLESS });
  const pull = pullRequest(recipient);
  let step: 'push' | 'pull' | 'ack' = 'ack';
  let messageIds: readonly string[] = [];
  return {
    next() {
      step = step === 'push' ? 'pull' : step === 'pull' ? 'ack' : 'push';
      if (step === 'push') return push.next();
      return step === 'pull' ? pull : ackRequest(recipient, messageIds);
    },
    check(answer) {
      if (step === 'push') return push.check(answer);
      if (step === 'ack') return expectPart(answer, '"deleted":1,');
      messageIds = readPage(answer).messageIds;
      if (messageIds.length !== 1) throw new Error(`a page of ${messageIds.length} messages instead of 1`);
    },
  };
}

/** What a pull gave. */
export interface Page {
  readonly messageIds: readonly string[];
  readonly cursor: string | null;
}

const MESSAGE_ID = Buffer.from('"message_id":"');
const NEXT_CURSOR = Buffer.from('"next_cursor":"');
const UUID_LENGTH = 36;

/** Finds the ids and the cursor without parsing the page: no payload can hold the quotes around these names. */
export function readPage(answer: Answer): Page {
  expectPart(answer, '"items":[');
  const { body } = answer;
  const messageIds: string[] = [];
  for (let at = body.indexOf(MESSAGE_ID); at >= 0; at = body.indexOf(MESSAGE_ID, at + UUID_LENGTH)) {
    const idAt = at + MESSAGE_ID.length;
    messageIds.push(body.toString('latin1', idAt, idAt + UUID_LENGTH));
  }
  const cursorAt = body.lastIndexOf(NEXT_CURSOR) + NEXT_CURSOR.length;
  if (cursorAt < NEXT_CURSOR.length) return { messageIds, cursor: null };
  return { messageIds, cursor: body.toString('latin1', cursorAt, body.indexOf('"', cursorAt)) };
}

/** The bare server gives the same full page for ever, so that its last one may be fuller than there are messages left. */
function expectFull({ messageIds, cursor }: Page, left: number): void {
  const expected = Math.min(left, PAGE_MESSAGES);
  if (messageIds.length < expected) throw new Error(`a page of ${messageIds.length} instead of ${expected}`);
  if (cursor === null && left > PAGE_MESSAGES) throw new Error(`no cursor, with ${left} messages to come`);
}

function expectPart({ status, body }: Answer, part: string): void {
  if (status === 200 && body.includes(part)) return;
  throw new Error(`expected 200 with ${part}, got ${status}: ${body.toString('latin1', 0, 200)}`);
}
