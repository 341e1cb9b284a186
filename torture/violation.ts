/** A promise of the relay that was broken. */
export class Violation extends Error {}

/** Throws a `Violation` unless the condition holds; the sentence says what is broken. */
export function hold(condition: unknown, broken: () => string): asserts condition {
  if (!condition) throw new Violation(broken());
}
