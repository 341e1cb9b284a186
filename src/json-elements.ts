import type { JsonReader } from './json-reader.ts';

/** How deep a value may nest where any value may be. */
const NESTING_MAX = 128;

type Close = '}' | ']';
/** Reads an element; what it waits for, if it must. */
type Element = () => Promise<void> | undefined;

/** Goes through an object: `read` is called at each key. Undefined where it is done at once. */
export function members(json: JsonReader, read: Element): Promise<void> | undefined {
  return json.enter('{', '}', 'an object') ? elements(json, '}', read) : undefined;
}

/** Goes through an array: `read` is called at each value. Undefined where it is done at once. */
export function items(json: JsonReader, read: Element): Promise<void> | undefined {
  return json.enter('[', ']', 'an array') ? elements(json, ']', read) : undefined;
}

/** Passes over a value of any kind. Undefined where it is done at once. */
export function skip(json: JsonReader, depth = 0): Promise<void> | undefined {
  if (depth === NESTING_MAX) json.fail('is nested too deeply');
  const mark = json.peek();
  if (mark === '[') return items(json, () => skip(json, depth + 1));
  if (mark !== '{') return json.skip();
  return members(json, () => {
    const key = json.key();
    return typeof key === 'string' ? skip(json, depth + 1) : key.then(() => skip(json, depth + 1));
  });
}

/** Text is asked for at two places only: what comes from one to the next is short in any text. */
function elements(json: JsonReader, close: Close, read: Element): Promise<void> | undefined {
  if (json.isLow) return elementsLater(json, close, read, json.goOn().then(read));
  do {
    const waits = read();
    if (waits !== undefined || json.isLow) return elementsLater(json, close, read, waits);
  } while (json.next(close));
  return undefined;
}

/** The same from the end of an element on, with what that waits for. */
async function elementsLater(
  json: JsonReader,
  close: Close,
  read: Element,
  first: Promise<void> | undefined,
): Promise<void> {
  let waits = first;
  for (;;) {
    if (waits !== undefined) await waits;
    if (json.isLow) await json.goOn();
    if (!json.next(close)) return;
    waits = read();
  }
}
