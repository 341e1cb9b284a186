import assert from 'node:assert/strict';
import { parseToml } from '../src/config.ts';
import { RelayError } from '../src/errors.ts';

/** The message of the `config_error` that an action throws. */
export function refusal(action: () => unknown): string {
  let message = '';
  assert.throws(action, (error) => {
    assert.ok(error instanceof RelayError);
    assert.equal(error.code, 'config_error');
    message = error.message;
    return true;
  });
  return message;
}

/** The same of a file with this content. */
export function refusalOf(toml: string): string {
  return refusal(() => parseToml(toml, 'relay.toml'));
}
