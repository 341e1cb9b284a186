import type { Socket } from 'node:net';
import { BODY_AWAITED_BYTES, DROP_MS } from './answer.ts';
import { writeAnswer } from './answer-text.ts';
import type { Answer, Reply, RequestHead } from './api.ts';
import { type Ending, endingOf } from './ending.ts';
import { RelayError } from './errors.ts';
import type { ConnectionOptions, Exchange, Serve, Timeouts } from './exchange.ts';
import { holdUntilTurnEnds } from './hold.ts';
import { cutShort, endWith, tooLate } from './http-errors.ts';
import type { LargeBody } from './large-bodies.ts';
import { PlainRequests } from './plain-requests.ts';

export interface PlainOptions extends ConnectionOptions, Timeouts {
  readonly serve: Serve;
  /** Takes a connection over. What was read of it and not answered is there to be read again. */
  readonly handOver: (socket: Socket) => void;
}

const NOTHING = Buffer.alloc(0);
const none: RequestHead = { method: '', target: '', headers: {}, peer: '' };

/**
 * - idle: nothing of a request has come
 * - open: a request waits for its answer; its body has come, or is not to be read yet
 * - reading: its body is being read
 * - dropping: it was answered, and the rest of its body is read to no end
 * - left: the connection ends, or is another's
 */
type Step = 'idle' | 'open' | 'reading' | 'dropping' | 'left';

/**
 * A connection whose requests are plain, as nearly all are; node's HTTP server spends more on one than the relay does.
 * Each is answered before the next is looked at, whose bytes go back into the socket until then. The first request that
 * is not plain takes the connection to `handOver`.
 */
export class PlainConnection implements Exchange {
  head: RequestHead = none;
  bodyBytes = 0;

  readonly #socket: Socket;
  readonly #options: PlainOptions;
  readonly #requests: PlainRequests;
  #step: Step = 'idle';
  /** What has come of the body: a view of what was read with the head, or a buffer that is being filled. */
  #body: Buffer = NOTHING;
  #arrived = 0;
  #whole: (body: Buffer | undefined) => void = () => {};
  #toDrop = 0;
  /** The client has said that it sends no more. */
  #ended = false;
  /** The connection ends with the answer that was written. */
  #last = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: PlainOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#requests = new PlainRequests(socket.remoteAddress ?? '');
    socket.setTimeout(options.headMs);
    socket.on('data', this.#take);
    socket.on('end', this.#end);
    socket.on('timeout', this.#timeout);
    socket.on('close', this.#leaveAlone);
    // What breaks a connection closes it too.
    socket.on('error', ignore);
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  readBody(bytesMax: number, large?: LargeBody): Buffer | Promise<Buffer | undefined> {
    if (this.bodyBytes > bytesMax) return Promise.reject(new RelayError('payload_too_large'));
    if (this.#arrived === this.bodyBytes) return this.#body;
    if (this.#step === 'left' || this.#socket.destroyed) return Promise.resolve(undefined);
    const body = large?.allocate(this.bodyBytes) ?? Buffer.allocUnsafe(this.bodyBytes);
    this.#body.copy(body);
    this.#body = body;
    this.#step = 'reading';
    this.#setTimer(this.#options.requestMs);
    this.#socket.resume();
    return new Promise((resolve) => {
      this.#whole = resolve;
    });
  }

  answer(answer: Answer): Promise<void> | undefined {
    if (this.#step !== 'open') return undefined;
    const parts = this.#write(answer);
    if (parts !== undefined) return parts.then(this.#answered);
    this.#answered();
    return undefined;
  }

  refuse(reply: Reply): Promise<void> | undefined {
    if (this.#step !== 'open') return undefined;
    const toCome = this.bodyBytes - this.#arrived;
    if (toCome === 0) return this.answer(reply);
    this.#last = toCome > BODY_AWAITED_BYTES;
    this.#write(reply);
    this.#step = 'dropping';
    this.#toDrop = this.#last ? Math.min(toCome, this.#options.droppedBytesMax) : toCome;
    this.#setTimer(this.#last ? DROP_MS : this.#options.requestMs);
    this.#socket.resume();
    return undefined;
  }

  watch(): Ending {
    return endingOf(this.#socket);
  }

  cutOff(): void {
    if (this.#step === 'reading') this.#fail(tooLate);
  }

  abandon(): void {
    this.#socket.destroy();
  }

  /** Ends the connection, unless it ends by itself: with an answer that is waited for, or when its client has sent what was refused. */
  closeWhenIdle(): void {
    if (this.#step === 'idle' || (this.#step === 'dropping' && !this.#last)) this.#leave();
  }

  readonly #take = (piece: Buffer): void => {
    if (this.#step === 'idle') this.#begin(piece);
    else if (this.#step === 'reading') this.#fill(piece);
    else if (this.#step === 'dropping') this.#drop(piece);
    else this.#putBack(piece);
  };

  #begin(bytes: Buffer): void {
    const request = this.#requests.read(bytes);
    if (request === undefined) {
      this.#handOver(bytes);
      return;
    }
    if (this.head === none) this.#socket.setTimeout(this.#options.idleMs);
    const { head, headBytes, bodyBytes } = request;
    const end = headBytes + bodyBytes;
    this.#step = 'open';
    this.head = head;
    this.bodyBytes = bodyBytes;
    this.#body = bytes.subarray(headBytes, end);
    this.#arrived = this.#body.length;
    if (bytes.length > end) this.#putBack(bytes.subarray(end));
    holdUntilTurnEnds(this.#socket);
    this.#options.serve(this);
  }

  #fill(piece: Buffer): void {
    const taken = piece.copy(this.#body, this.#arrived);
    this.#arrived += taken;
    if (this.#arrived < this.bodyBytes) return;
    this.#step = 'open';
    clearTimeout(this.#timer);
    this.#putBack(piece.subarray(taken));
    this.#whole(this.#body);
  }

  #drop(piece: Buffer): void {
    this.#toDrop -= piece.length;
    if (this.#toDrop > 0) return;
    clearTimeout(this.#timer);
    if (this.#last) {
      this.#leave();
    } else {
      this.#putBack(piece.subarray(piece.length + this.#toDrop));
      this.#rest();
    }
  }

  #write(answer: Answer): Promise<void> | undefined {
    const { closing, idleMs } = this.#options;
    this.#last ||= this.#ended || closing();
    return writeAnswer(this.#socket, answer, this.#last ? 0 : idleMs / 1000);
  }

  readonly #answered = (): void => {
    if (this.#last || this.#ended || this.#options.closing()) this.#leave();
    else this.#rest();
  };

  /** Between two requests. The next is read once the client has taken enough of the answers before it. */
  #rest(): void {
    this.#step = 'idle';
    this.#body = NOTHING;
    const socket = this.#socket;
    if (socket.writableNeedDrain) socket.pause().once('drain', () => socket.resume());
    else if (socket.isPaused()) socket.resume();
  }

  /** While something is there to be read again, the end of the connection does not show either. */
  #putBack(bytes: Buffer): void {
    if (bytes.length > 0) this.#socket.pause().unshift(bytes);
  }

  readonly #end = (): void => {
    this.#ended = true;
    if (this.#step === 'idle' || this.#step === 'dropping') this.#leave();
    else if (this.#arrived < this.bodyBytes) this.#fail(cutShort);
  };

  #setTimer(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#socket.destroyed) return;
    this.#timer = setTimeout(this.#late, ms);
  }

  readonly #late = (): void => {
    if (this.#step === 'dropping') this.#leave();
    else this.#fail(tooLate);
  };

  /** Nothing moves: the client does not read, or has nothing to say. */
  readonly #timeout = (): void => {
    if (this.head === none) this.#fail(tooLate);
    else this.#socket.destroy();
  };

  #handOver(bytes: Buffer): void {
    this.#leaveAlone();
    this.#socket.off('timeout', this.#timeout).off('close', this.#leaveAlone).off('error', ignore);
    this.#socket.pause();
    this.#putBack(bytes);
    this.#options.handOver(this.#socket);
    this.#socket.resume();
  }

  #fail(reply: Reply): void {
    this.#leaveAlone();
    endWith(this.#socket, reply);
  }

  #leave(): void {
    this.#leaveAlone();
    this.#socket.destroySoon();
  }

  /** Whatever comes from now on is not for this. */
  readonly #leaveAlone = (): void => {
    this.#step = 'left';
    clearTimeout(this.#timer);
    this.#whole(undefined);
    this.#socket.off('data', this.#take).off('end', this.#end);
  };
}

function ignore(): void {}
