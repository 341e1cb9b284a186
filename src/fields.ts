import { RelayError } from './errors.ts';
import { mapped, type Read, string } from './json.ts';
import { NAME_BYTES_MAX } from './message.ts';
import { SLICE_BYTES } from './slices.ts';

const HYPHENATED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SIMPLE = /^[0-9a-f]{32}$/;

export const uuid: Read<string> = mapped(
  string,
  (text, json) => parseUuid(text) ?? json.fail('must be a UUID'),
);

/**
 * A UUID of any version, lower-case and hyphenated. It may be written hyphenated, so in braces or after
 * `urn:uuid:`, or as 32 digits; in any letter case. Undefined for any other text.
 */
export function parseUuid(text: string): string | undefined {
  if (text.length > 45) return undefined;
  const lower = text.toLowerCase();
  if (HYPHENATED.test(lower)) return lower;
  if (SIMPLE.test(lower)) return lower.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const inner =
    lower.startsWith('{') && lower.endsWith('}')
      ? lower.slice(1, -1)
      : lower.startsWith('urn:uuid:')
        ? lower.slice(9)
        : '';
  return HYPHENATED.test(inner) ? inner : undefined;
}

/** Throws `invalid_input` unless `text` is one that a recipient or kind may be. */
export function checkName(field: 'recipient' | 'kind', text: string): void {
  // Half a megabyte is not looked through for something that is not blank.
  const isBlank = text.length <= SLICE_BYTES && !/\P{White_Space}/u.test(text);
  if (isBlank) throw new RelayError('invalid_input', `${field} required`);
  // UTF-8 takes one to three bytes a UTF-16 unit, so most names need no count.
  const mayBeTooLong = text.length * 3 > NAME_BYTES_MAX;
  if (mayBeTooLong && (text.length > NAME_BYTES_MAX || Buffer.byteLength(text) > NAME_BYTES_MAX)) {
    throw new RelayError('invalid_input', `${field} too long`, { details: { limit: NAME_BYTES_MAX } });
  }
}
