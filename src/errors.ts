/**
 * The error catalogue: every way in which the relay says no, once.
 *
 * Code that finds out that a caller did something wrong throws a `RelayError`; whatever else is thrown is
 * ours, is logged once and shows as `internal_error`.
 */

/** HTTP status and default message of each code; those of a start are never sent. */
export const errorCatalogue = {
  invalid_input: { status: 400, message: 'invalid input' },
  unauthorized: { status: 401, message: 'unauthorized' },
  forbidden: { status: 403, message: 'forbidden' },
  not_found: { status: 404, message: 'not found' },
  quota_exceeded: { status: 409, message: 'recipient quota exceeded' },
  payload_too_large: { status: 413, message: 'payload too large' },
  rate_limited: { status: 429, message: 'rate limit exceeded' },
  internal_error: { status: 500, message: 'internal error' },
  storage_error: { status: 503, message: 'storage unavailable' },
  config_error: { status: 500, message: 'wrong configuration', isOfStart: true },
  tls_error: { status: 500, message: 'TLS could not be set up', isOfStart: true },
  feature_disabled: { status: 500, message: 'not available in this build', isOfStart: true },
} as const satisfies Record<string, { status: number; message: string; isOfStart?: true }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** For people; holds no secret, recipient or address. No client may need it. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export class RelayError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;

  constructor(
    code: ErrorCode,
    message: string = errorCatalogue[code].message,
    options: ErrorOptions & { details?: ErrorDetails } = {},
  ) {
    super(message, options);
    this.name = 'RelayError';
    this.code = code;
    this.details = options.details;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }
}

/** What an error says. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error as the wire carries it: `{ "error": { "code", "message", "details"? } }`. */
export function errorBody(error: RelayError): string {
  const { code, message, details } = error;
  return JSON.stringify({ error: details === undefined ? { code, message } : { code, message, details } });
}
