/** Where a page ended, as clients carry it: `base64("{recipient}:{seq as 20 digits}")`, opaque to them. */
export function encodeCursor(recipient: string, seq: number): string {
  return Buffer.from(`${recipient}:${String(seq).padStart(20, '0')}`).toString('base64');
}

export function decodeCursor(cursor: string): { recipient: string; seq: number } {
  const text = Buffer.from(cursor, 'base64').toString();
  const colon = text.lastIndexOf(':');
  return { recipient: text.slice(0, colon), seq: Number(text.slice(colon + 1)) };
}
