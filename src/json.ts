import { JsonReader } from './json-reader.ts';
import { ownTurn, SLICE_BYTES } from './slices.ts';

/**
 * Strict reading of request bodies, straight into checked values.
 *
 * `JSON.parse` would round integers above 2^53, keep the last of two equal keys, and let lone surrogates through.
 * Here the shape of a body is put together from `Read`s; a body of another shape is `invalid_input`, with a message
 * that names the field. What is unknown is checked for its grammar and skipped, never built.
 */

/** Reads the value that comes next, or throws `invalid_input`. */
export type Read<T> = (json: JsonReader) => T;

type Reads<T> = { readonly [K in keyof T]: Read<T[K]> };

/** The value of a whole body. */
export function parseJson<T>(body: Buffer, read: Read<T>): T {
  return whole(new JsonReader(body), read);
}

/** The same for a body that may hold a long payload: that is decoded before, over several turns of the event loop. */
export async function parseLongJson<T>(body: Buffer, read: Read<T>): Promise<T> {
  if (body.length > SLICE_BYTES) await ownTurn();
  const json = new JsonReader(body);
  await json.decodeLongString();
  return whole(json, read);
}

function whole<T>(json: JsonReader, read: Read<T>): T {
  const value = read(json);
  json.end();
  return value;
}

export const string: Read<string> = (json) => json.string();
export const base64: Read<Buffer | undefined> = (json) => json.base64();
export const u32: Read<number> = (json) => json.u32();
export const u64: Read<bigint> = (json) => json.u64();

/**
 * An object with these keys, at most 32; the optional ones may be absent or null, which is undefined. None of them
 * may come twice. Other keys are ignored.
 */
export function object<R extends object, O extends object = object>(
  required: Reads<R>,
  optional = {} as Reads<O>,
): Read<R & Partial<O>> {
  const reads = Object.entries<Read<unknown>>({ ...required, ...optional });
  const fields = reads.map(([name, read], index) => ({
    name,
    quoted: JSON.stringify(name),
    read,
    bit: 1 << index,
    optional: name in optional,
    next: index + 1,
  }));
  const fieldOf = new Map(fields.map((field) => [field.name, field]));
  const blank = Object.fromEntries(reads.map(([name]) => [name, undefined]));

  return (json) => {
    const found: Record<string, unknown> = { ...blank };
    let seen = 0;
    let next = 0;
    for (let more = json.enter('{', '}', 'an object'); more; more = json.next('}')) {
      // Clients give them in the same order again and again.
      const expected = fields[next];
      const isNext = expected !== undefined && json.takesKey(expected.quoted);
      const field = isNext ? expected : fieldOf.get(json.key());
      next = field?.next ?? next;
      json.field = field?.name;
      if (field === undefined) {
        json.skip();
        continue;
      }
      if ((seen & field.bit) !== 0) json.fail('is given twice');
      seen |= field.bit;
      if (!(field.optional && json.isNull())) found[field.name] = field.read(json);
    }
    const missing = fields.find((field) => !field.optional && (seen & field.bit) === 0);
    json.field = missing?.name;
    if (missing !== undefined) json.fail('is missing');
    return found as R & Partial<O>;
  };
}

/** An array of any length. */
export function list<T>(read: Read<T>): Read<T[]> {
  return (json) => {
    const values: T[] = [];
    for (let more = json.enter('[', ']', 'an array'); more; more = json.next(']')) values.push(read(json));
    return values;
  };
}
