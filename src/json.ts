import { items, members, skip } from './json-elements.ts';
import { JsonReader } from './json-reader.ts';
import { ownTurn, SLICE_BYTES } from './slices.ts';
import { type Soon, whenThere } from './soon.ts';

/**
 * Strict reading of request bodies, straight into checked values.
 *
 * `JSON.parse` would round integers above 2^53, keep the last of two equal keys, and let lone surrogates through.
 * Here the shape of a body is put together from `Read`s; a body of another shape is `invalid_input`, with a message
 * that names the field. What is unknown is checked for its grammar and skipped, never built.
 */

/** Reads the value that comes next, or throws `invalid_input`. What is long may be waited for. */
export type Read<T> = (json: JsonReader) => Soon<T>;

interface Field {
  readonly name: string;
  readonly quoted: string;
  readonly read: Read<unknown>;
  readonly bit: number;
  readonly optional: boolean;
  readonly next: number;
}

type Reads<T> = { readonly [K in keyof T]: Read<T[K]> };

/** Longer bodies are read in turns of the event loop. */
const LONG_BYTES = 65_536;

/** The value of a whole body. */
export function parseBody<T>(body: Buffer, read: Read<T>): Soon<T> {
  return body.length > LONG_BYTES ? parseLongJson(body, read) : parseJson(body, read);
}

/** The same, at once. */
export function parseJson<T>(body: Buffer, read: Read<T>): T {
  const json = new JsonReader(body);
  const value = read(json);
  json.end();
  // Only a body that is read in turns holds something to wait for.
  return value as T;
}

/** The same, a millisecond's work in a turn of the event loop. A long payload is decoded within the body. */
export async function parseLongJson<T>(body: Buffer, read: Read<T>): Promise<T> {
  if (body.length > SLICE_BYTES) await ownTurn();
  const json = new JsonReader(body, true);
  await json.goOn();
  const value = await read(json);
  json.end();
  return value;
}

export const string: Read<string> = (json) => json.string();
export const base64: Read<Buffer | undefined> = (json) => json.base64();
export const u32: Read<number> = (json) => json.u32();
export const u64: Read<bigint> = (json) => json.u64();

/** What a value comes to. */
export function mapped<T, U>(read: Read<T>, to: (value: T, json: JsonReader) => U): Read<U> {
  return (json) => whenThere(read(json), (value) => to(value, json));
}

/**
 * An object with these keys, at most 32; the optional ones may be absent or null, which is undefined. None of them
 * may come twice. Other keys are ignored.
 */
export function object<R extends object, O extends object = object>(
  required: Reads<R>,
  optional = {} as Reads<O>,
): Read<R & Partial<O>> {
  const reads = Object.entries<Read<unknown>>({ ...required, ...optional });
  const fields = reads.map<Field>(([name, read], index) => ({
    name,
    quoted: JSON.stringify(name),
    read,
    bit: 1 << index,
    optional: name in optional,
    next: index + 1,
  }));
  const fieldOf = new Map(fields.map((field) => [field.name, field]));
  const needed = fields.reduce((bits, field) => (field.optional ? bits : bits | field.bit), 0);
  const blank = Object.fromEntries(reads.map(([name]) => [name, undefined]));

  interface Open {
    readonly found: Record<string, unknown>;
    seen: number;
    next: number;
  }

  /** Takes the next key where it is written as expected: clients give them in the same order, with optional ones left out. */
  function expectedField(json: JsonReader, next: number): Field | undefined {
    for (let index = next; ; index++) {
      const field = fields[index];
      if (field === undefined || json.takesKey(field.quoted)) return field;
      if (!field.optional) return undefined;
    }
  }

  /** Takes the next key, whatever it is; undefined for an unknown one, as a long one is. */
  function anyField(json: JsonReader): Field | undefined | Promise<void> {
    const key = json.key();
    return typeof key === 'string' ? fieldOf.get(key) : key;
  }

  function member(json: JsonReader, object: Open): Promise<void> | undefined {
    const field = expectedField(json, object.next) ?? anyField(json);
    if (field instanceof Promise) return field.then(() => skip(json));
    json.field = field?.name;
    if (field === undefined) return skip(json);
    object.next = field.next;
    if ((object.seen & field.bit) !== 0) json.fail('is given twice');
    object.seen |= field.bit;
    if (field.optional && json.isNull()) return undefined;
    const value = field.read(json);
    if (value instanceof Promise) return put(value, object.found, field.name);
    object.found[field.name] = value;
    return undefined;
  }

  function complete(json: JsonReader, { found, seen }: Open): R & Partial<O> {
    if ((seen & needed) !== needed) {
      json.field = fields.find((field) => !field.optional && (seen & field.bit) === 0)?.name;
      json.fail('is missing');
    }
    json.field = undefined;
    return found as R & Partial<O>;
  }

  return (json) => {
    const object: Open = { found: { ...blank }, seen: 0, next: 0 };
    const waits = members(json, () => member(json, object));
    return waits === undefined ? complete(json, object) : waits.then(() => complete(json, object));
  };
}

async function put(value: Promise<unknown>, into: Record<string, unknown>, name: string): Promise<void> {
  into[name] = await value;
}

/** An array of any length. */
export function list<T>(read: Read<T>): Read<T[]> {
  return (json) => {
    const values: T[] = [];
    const waits = items(json, () => {
      const value = read(json);
      if (value instanceof Promise) return value.then((late) => void values.push(late));
      values.push(value);
      return undefined;
    });
    return waits === undefined ? values : waits.then(() => values);
  };
}
