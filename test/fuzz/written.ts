import fc from 'fast-check';
import { NAME_BYTES_MAX, U64_MAX } from '../../src/message.ts';

/** Something as it is written in a body, and what it says; undefined where it says nothing that it may say. */
export interface Written<T> {
  readonly json: string;
  readonly value: T | undefined;
}

type Fields<T> = { readonly [K in keyof T]: fc.Arbitrary<Written<T[K]>> };

/** Right most of the time: a body has a dozen values, and one that is wrong is enough. */
function mostly<T>(right: fc.Arbitrary<Written<T>>, ...wrong: readonly string[]): fc.Arbitrary<Written<T>> {
  const refused = fc.constantFrom(...wrong).map((json) => ({ json, value: undefined }));
  return fc.oneof({ arbitrary: right, weight: 40 }, { arbitrary: refused, weight: 1 });
}

const notStrings = ['null', '1', 'true', '[]', '{}', '["alice"]', '', '"', "'alice'", '"\\x"', '"\u0001"'];
const loneSurrogates = ['"\\ud800"', '"\\udc00\\ud800"', '"a\\udfff"'];

/** JSON of a string, plain or all of it in escapes. */
function quoted(text: string): fc.Arbitrary<string> {
  const escaped = (at: number) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return fc.boolean().map((inEscapes) => {
    return inEscapes ? `"${[...Array(text.length).keys()].map(escaped).join('')}"` : JSON.stringify(text);
  });
}

/** Strings that are right, in any writing. */
export function strings(...values: readonly string[]): fc.Arbitrary<Written<string>> {
  return fc.constantFrom(...values).chain((value) => quoted(value).map((json) => ({ json, value })));
}

const blanks = ['""', '" "', '"\\u0085\\u00a0"', '"\u2003\u3000"', '"\\t\\n\\r"'];
const tooLong = [JSON.stringify('x'.repeat(NAME_BYTES_MAX + 1)), JSON.stringify('é'.repeat(129))];

export const recipients = [
  'alice',
  'bob',
  'alice:0',
  ' alice',
  '\ufeff',
  'é😀\0',
  'x'.repeat(NAME_BYTES_MAX),
];
export const recipient = mostly(
  strings(...recipients),
  ...notStrings,
  ...loneSurrogates,
  ...blanks,
  ...tooLong,
);
export const kind = mostly(strings('text', '"', '\\"\u2028', 'é'.repeat(128)), ...blanks, ...tooLong);

const digits = ['0123456789abcdef0123456789abcdef', '0'.repeat(32), 'f'.repeat(32)];
const uuids = digits.map((text) => text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));

/** A UUID in one of its forms; few of them, so that messages meet. */
export const uuid = mostly(
  fc.tuple(fc.nat(uuids.length - 1), fc.nat(3), fc.boolean()).map(([number, form, upper]) => {
    const value = uuids[number] as string;
    const written = [value, digits[number] as string, `{${value}}`, `urn:uuid:${value}`][form] as string;
    return { json: JSON.stringify(upper ? written.toUpperCase() : written), value };
  }),
  ...notStrings,
  '""',
  `"{${digits[0]}}"`,
  `"urn:uuid:${digits[0]}"`,
  `" ${uuids[0]}"`,
  `"${uuids[0]}\\n"`,
  `"${digits[0]}0"`,
  `"${digits[0]?.replace('a', 'g')}"`,
);

/** Payloads in base64, some above a limit of 40 bytes. */
export const payload = mostly(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => {
    const value = Buffer.from(bytes);
    return { json: `"${value.toString('base64').replaceAll('/', '\\/')}"`, value };
  }),
  ...notStrings,
  '"A"',
  '"AA"',
  '"AAA"',
  '"AB=="',
  '"AAB="',
  '"AA==AA=="',
  '"-_-_"',
  '" AAAA"',
  '"AAAA\\n"',
  '"AA\\u0000="',
  `"${Buffer.alloc(41).toString('base64')}"`,
);

/** Integers from 0 to `max`, their ends among them. */
export function integer(max: bigint): fc.Arbitrary<Written<bigint>> {
  const edges = fc.constantFrom(0n, 1n, 2n, 9_007_199_254_740_993n & max, max - 1n, max);
  return mostly(
    fc.oneof(edges, fc.bigInt(0n, max)).map((value) => ({ json: String(value), value })),
    ...['null', '"1"', '-1', '-0', '1.0', '1e0', '01', '+1', '0x1', 'NaN', '[]', 'true', ''],
    String(max + 1n),
    String(U64_MAX * 10n),
  );
}

export function list<T>(of: fc.Arbitrary<Written<T>>): fc.Arbitrary<Written<T[]>> {
  const whole = fc.array(of, { maxLength: 5 }).map((all) => ({
    json: `[${all.map(({ json }) => json).join(' ,')}]`,
    value: all.every(({ value }) => value !== undefined) ? all.map(({ value }) => value as T) : undefined,
  }));
  return mostly(whole, 'null', '{}', '[', '[,]', '1');
}

const space = fc.constantFrom('', '', '', ' ', '\r\n\t ');
const unknownField = fc.tuple(
  fc.constantFrom('x', 'X', 'Recipient', 'x\\u0000', ''),
  fc.json({ maxDepth: 2 }),
);
const fault = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 60 },
  { arbitrary: fc.record({ field: fc.nat(), twice: fc.boolean() }), weight: 1 },
);

/** A field, or null, or nothing; undefined stands for the last two. */
function optionally(of: fc.Arbitrary<Written<unknown>>): fc.Arbitrary<Member> {
  return fc.oneof(
    of.map((written) => ({ ...written, isRight: written.value !== undefined || written.json === 'null' })),
    fc.constantFrom('null', undefined).map((json) => ({ json, value: undefined, isRight: true })),
  );
}

interface Member {
  /** Undefined where the field is left out. */
  readonly json: string | undefined;
  readonly value: unknown;
  readonly isRight: boolean;
}

/**
 * An object with these fields in any order, others among them; at times a required one is missing, or one is there
 * twice.
 */
export function object<R extends object, O extends object = object>(
  required: Fields<R>,
  optional = {} as Fields<O>,
): fc.Arbitrary<Written<R & Partial<O>>> {
  const names = Object.keys(required);
  const of = (fields: object, make: (field: fc.Arbitrary<Written<unknown>>) => fc.Arbitrary<Member>) =>
    Object.entries(fields).map(([key, field]) => fc.tuple(fc.constant(key), make(field)));
  const always = (field: fc.Arbitrary<Written<unknown>>): fc.Arbitrary<Member> =>
    field.map((written) => ({ ...written, isRight: written.value !== undefined }));
  const members = fc.tuple(...of(required, always), ...of(optional, optionally));
  const layout = fc.record({
    places: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
    unknown: fc.array(unknownField, { maxLength: 2 }),
    space,
    fault,
  });

  const whole = fc.tuple(members, layout).map(([fields, { places, unknown, space, fault }]) => {
    const texts = fields
      .filter(([, { json }]) => json !== undefined)
      .map(([key, { json }]) => `${space}"${key}"${space}:${space}${json}`);
    if (fault !== undefined) {
      // The required ones come first.
      const at = fault.field % names.length;
      texts.splice(at, 1, ...(fault.twice ? [texts[at] as string, texts[at] as string] : []));
    }
    texts.push(...unknown.map(([key, json]) => `"${key}":${json}`));
    const placeOf = (at: number) => places[at % places.length] as number;
    const order = texts.map((_, at) => at).sort((a, b) => placeOf(a) - placeOf(b));
    return {
      json: `{${order.map((at) => texts[at]).join()}${space}}`,
      value:
        fault === undefined && fields.every(([, { isRight }]) => isRight)
          ? (Object.fromEntries(fields.map(([key, { value }]) => [key, value])) as R & Partial<O>)
          : undefined,
    };
  });
  return mostly(whole, 'null', '[]', '""', '{', '{}', '{,}', '{"recipient"}');
}
